-- +goose Up
-- Sets of edits that are put together before they are done. A zone is told by its id: its number changes with large imports. at is when a
-- scheduled draft is applied, in microseconds; 0 for all others.
CREATE TABLE drafts (
    id    BYTEA PRIMARY KEY CHECK (length(id) = 16),
    zone  BYTEA NOT NULL CHECK (length(zone) = 16),
    state TEXT COLLATE "C" NOT NULL,
    at    BIGINT NOT NULL,
    head  TEXT COLLATE "C" NOT NULL,
    parts TEXT COLLATE "C" NOT NULL
);

CREATE INDEX drafts_zone ON drafts (zone, id);
CREATE INDEX drafts_at ON drafts (at) WHERE at > 0;
