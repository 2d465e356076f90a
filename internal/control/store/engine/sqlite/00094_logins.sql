-- +goose Up
-- As whom other providers know our users. id is a digest of the provider and of its name for the person, which is what such a sign-in is
-- looked up by; an e-mail address never is.
CREATE TABLE logins (
    id     BLOB PRIMARY KEY CHECK (length(id) = 16),
    person BLOB NOT NULL,
    doc    TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX logins_person ON logins (person);
