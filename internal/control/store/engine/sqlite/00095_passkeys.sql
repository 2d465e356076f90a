-- +goose Up
-- Public keys by which users sign in (WebAuthn). id is a digest of the credential's own id, which is what a sign-in is looked up by.
CREATE TABLE passkeys (
    id     BLOB PRIMARY KEY CHECK (length(id) = 16),
    person BLOB NOT NULL,
    doc    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX passkeys_person ON passkeys (person);

-- Challenges that have been answered, as digests: each does once, at whatever node. Until is when it would be too old anyway.
CREATE TABLE spent_challenges (
    id    BLOB PRIMARY KEY CHECK (length(id) = 16),
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX spent_challenges_until ON spent_challenges (until);
