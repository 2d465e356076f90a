-- +goose Up
-- How far the signing of large zones has come, in names, as the node that is at it told last, by the database's clock.
CREATE TABLE signings (
    zone    BLOB PRIMARY KEY CHECK (length(zone) = 16),
    done    INTEGER NOT NULL,
    total   INTEGER NOT NULL,
    since   INTEGER NOT NULL,
    told    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
