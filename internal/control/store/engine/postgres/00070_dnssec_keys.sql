-- +goose Up
-- The keys that zones are signed with. A zone is told by its id: its number changes with large imports.
CREATE TABLE dnssec_keys (
    id     BYTEA PRIMARY KEY CHECK (length(id) = 16),
    zone   BYTEA NOT NULL CHECK (length(zone) = 16),
    doc    TEXT COLLATE "C" NOT NULL,
    secret BYTEA NOT NULL
);

CREATE INDEX dnssec_keys_zone ON dnssec_keys (zone, id);
