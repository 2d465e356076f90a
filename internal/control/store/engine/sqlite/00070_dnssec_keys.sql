-- +goose Up
-- The keys that zones are signed with. A zone is told by its id: its number changes with large imports.
CREATE TABLE dnssec_keys (
    id     BLOB PRIMARY KEY CHECK (length(id) = 16),
    zone   BLOB NOT NULL CHECK (length(zone) = 16),
    doc    TEXT NOT NULL,
    secret BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX dnssec_keys_zone ON dnssec_keys (zone, id);
