-- +goose Up
-- What a user signs in with beside the password: the authenticator's secret, encrypted; the last step that was used, digests of the
-- recovery codes that are left, and what was guessed wrong. id is the user's.
CREATE TABLE second_factors (
    id     BYTEA PRIMARY KEY CHECK (length(id) = 16),
    doc    TEXT COLLATE "C" NOT NULL,
    secret BYTEA NOT NULL
);
