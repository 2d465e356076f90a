-- +goose Up
-- The token by which a token was made, to find what a token has made.
ALTER TABLE tokens ADD COLUMN maker BYTEA NOT NULL DEFAULT '';

CREATE INDEX tokens_maker ON tokens (maker, issued, id);

-- Sessions that were ended early stood in one list for each user; now each has a row of its own, so that two that end at
-- once do not meet. The lists hold marks of 20 octets.
INSERT INTO meta (name, value)
SELECT DISTINCT 'session-ended/' || encode(substring(value FROM at FOR 20), 'hex'), ''::BYTEA
FROM meta, generate_series(1, 20000, 20) AS at
WHERE name LIKE 'sessions-ended/%' AND at + 19 <= length(value);

DELETE FROM meta WHERE name LIKE 'sessions-ended/%';
