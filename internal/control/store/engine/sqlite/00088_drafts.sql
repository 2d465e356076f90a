-- +goose Up
-- Sets of edits that are put together before they are done. A zone is told by its id: its number changes with large imports. at is when a
-- scheduled draft is applied, in microseconds; 0 for all others.
CREATE TABLE drafts (
    id    BLOB PRIMARY KEY CHECK (length(id) = 16),
    zone  BLOB NOT NULL CHECK (length(zone) = 16),
    state TEXT NOT NULL,
    at    INTEGER NOT NULL,
    head  TEXT NOT NULL,
    parts TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX drafts_zone ON drafts (zone, id);
CREATE INDEX drafts_at ON drafts (at) WHERE at > 0;
