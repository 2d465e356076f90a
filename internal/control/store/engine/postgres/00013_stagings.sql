-- +goose Up
-- Numbers of rows that belong to no zone: those of an import on its way, until its zone takes the number, and, where zone is
-- empty, those that are to be cleared away.
CREATE TABLE stagings (
    no      BIGINT PRIMARY KEY,
    zone    BYTEA NOT NULL,
    expires BIGINT NOT NULL
);

-- The number of the import on its way into a zone.
ALTER TABLE zones ADD COLUMN staging BIGINT;
