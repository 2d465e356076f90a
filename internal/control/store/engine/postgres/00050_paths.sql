-- +goose Up
-- A zone's labels from the right, each with a dot behind it: what lies below a name is a range of them.
ALTER TABLE zones ADD COLUMN path TEXT COLLATE "C" NOT NULL DEFAULT '';

WITH RECURSIVE r (no, rest, path) AS (
    SELECT no, name || '.', substr(name, 1, 0) FROM zones
    UNION ALL
    SELECT no, substr(rest, strpos(rest, '.') + 1), substr(rest, 1, strpos(rest, '.')) || path FROM r WHERE rest <> ''
)
UPDATE zones SET path = r.path FROM r WHERE r.no = zones.no AND r.rest = '';

CREATE INDEX zones_path ON zones (path, account);
