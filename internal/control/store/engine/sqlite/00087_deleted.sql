-- +goose Up
-- What is kept of zones that were deleted, beside their records, which stay under their number, and their keys: they can come back for
-- some days.
CREATE TABLE deleted_zones (
    zone       BLOB PRIMARY KEY CHECK (length(zone) = 16),
    no         INTEGER NOT NULL UNIQUE,
    account    BLOB NOT NULL,
    name       TEXT NOT NULL,
    serial     INTEGER NOT NULL,
    records    INTEGER NOT NULL,
    octets     INTEGER NOT NULL,
    deleted_at INTEGER NOT NULL,
    told_at    INTEGER NOT NULL,
    told_id    BLOB NOT NULL,
    doc        TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX deleted_zones_account ON deleted_zones (account, deleted_at);
