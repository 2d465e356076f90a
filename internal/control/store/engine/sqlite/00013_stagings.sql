-- +goose Up
-- Numbers of rows that belong to no zone: those of an import on its way, until its zone takes the number, and, where zone is
-- empty, those that are to be cleared away.
CREATE TABLE stagings (
    no      INTEGER PRIMARY KEY,
    zone    BLOB NOT NULL,
    expires INTEGER NOT NULL
) STRICT;

-- The number of the import on its way into a zone.
ALTER TABLE zones ADD COLUMN staging INTEGER;
