-- +goose Up
-- Every tag of a record was written into this index as well as into the table, where a zone's tags stand together: a list by tags
-- looks through those.
DROP INDEX record_tags_name;

ANALYZE sqlite_schema;
