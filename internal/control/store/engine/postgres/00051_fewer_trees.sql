-- +goose Up
-- Every change of a record wrote into each of these, for lists that are quick enough without: they look through the zone's
-- rows.
DROP INDEX records_type;
DROP INDEX records_content;

-- Names that are rendered from more than rows are looked for at every start.
CREATE INDEX records_cname ON records (zone, name) WHERE type = 'CNAME';
