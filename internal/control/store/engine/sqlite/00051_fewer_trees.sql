-- +goose Up
-- Every change of a record wrote a page or two into each of these, for lists that are quick enough without: they look
-- through the zone's rows, which stand together.
DROP INDEX records_type;
DROP INDEX records_content;

-- Names that are rendered from more than rows are looked for at every start.
CREATE INDEX records_cname ON records (zone, name) WHERE type = 'CNAME';

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES ('records', 'records_cname', '10000 1000 2');

ANALYZE sqlite_schema;
