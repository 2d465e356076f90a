-- +goose Up
-- What is kept of zones that were deleted, beside their records, which stay under their number, and their keys: they can come back for
-- some days.
CREATE TABLE deleted_zones (
    zone       BYTEA PRIMARY KEY CHECK (length(zone) = 16),
    no         BIGINT NOT NULL UNIQUE,
    account    BYTEA NOT NULL,
    name       TEXT COLLATE "C" NOT NULL,
    serial     BIGINT NOT NULL,
    records    BIGINT NOT NULL,
    octets     BIGINT NOT NULL,
    deleted_at BIGINT NOT NULL,
    told_at    BIGINT NOT NULL,
    told_id    BYTEA NOT NULL,
    doc        TEXT COLLATE "C" NOT NULL
);

CREATE INDEX deleted_zones_account ON deleted_zones (account, deleted_at);
