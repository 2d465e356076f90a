-- +goose Up
-- Which programs can live with each migration: those that know the migrations up to readable can read the tables, those that know the ones
-- up to writable can write to them as well. A mark stands before its migration is done. program is who left it.
CREATE TABLE schema_marks (
    version  BIGINT PRIMARY KEY,
    readable BIGINT NOT NULL,
    writable BIGINT NOT NULL,
    program  TEXT COLLATE "C" NOT NULL
);
