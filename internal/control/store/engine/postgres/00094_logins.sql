-- +goose Up
-- As whom other providers know our users. id is a digest of the provider and of its name for the person, which is what such a sign-in is
-- looked up by; an e-mail address never is.
CREATE TABLE logins (
    id     BYTEA PRIMARY KEY CHECK (length(id) = 16),
    person BYTEA NOT NULL,
    doc    TEXT COLLATE "C" NOT NULL
);
CREATE INDEX logins_person ON logins (person);
