-- +goose Up
-- Sessions of the dashboard: a session whose row is gone is over. Ids begin with the second of the sign-in, so that old ones stand
-- together; owner is the user, or the account of a token that is an account's. last is the address of the last use.
CREATE TABLE sessions (
    id    BLOB PRIMARY KEY CHECK (length(id) = 16),
    owner BLOB NOT NULL CHECK (length(owner) = 16),
    used  INTEGER NOT NULL,
    last  TEXT NOT NULL,
    doc   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX sessions_owner ON sessions (owner, used, id);

-- Ended sessions had rows; of those that were not ended nothing is known, and they are over.
DELETE FROM meta WHERE name LIKE 'session-ended/%';
