-- +goose Up
-- The token by which a token was made, to find what a token has made.
ALTER TABLE tokens ADD COLUMN maker BLOB NOT NULL DEFAULT x'';

CREATE INDEX tokens_maker ON tokens (maker, issued, id);

-- Sessions that were ended early stood in one list for each user; now each has a row of its own, so that two that end at
-- once do not meet. The lists hold marks of 20 octets.
INSERT OR IGNORE INTO meta (name, value)
WITH RECURSIVE ended (value, at) AS (
    SELECT value, 1 FROM meta WHERE name LIKE 'sessions-ended/%'
    UNION ALL
    SELECT value, at + 20 FROM ended WHERE at + 20 < length(value)
)
SELECT 'session-ended/' || lower(hex(substr(value, at, 20))), x'' FROM ended WHERE at + 19 <= length(value);

DELETE FROM meta WHERE name LIKE 'sessions-ended/%';
