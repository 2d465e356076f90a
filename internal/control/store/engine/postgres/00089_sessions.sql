-- +goose Up
-- Sessions of the dashboard: a session whose row is gone is over. Ids begin with the second of the sign-in, so that old ones stand
-- together; owner is the user, or the account of a token that is an account's. last is the address of the last use.
CREATE TABLE sessions (
    id    BYTEA PRIMARY KEY CHECK (length(id) = 16),
    owner BYTEA NOT NULL CHECK (length(owner) = 16),
    used  BIGINT NOT NULL,
    last  TEXT COLLATE "C" NOT NULL,
    doc   TEXT COLLATE "C" NOT NULL
);

CREATE INDEX sessions_owner ON sessions (owner, used, id);

-- Ended sessions had rows; of those that were not ended nothing is known, and they are over.
DELETE FROM meta WHERE name LIKE 'session-ended/%';
