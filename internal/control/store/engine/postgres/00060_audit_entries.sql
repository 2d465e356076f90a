-- +goose Up
-- What a change leaves in the audit log is one packed entry (docs/formats/audit.md), with one index: the order in which the log
-- is read, and the zone, too. What is in the table audits stays there and is read beside it until it is as old as entries are
-- kept: so this step takes no time however long the log is, and nodes of the version before go on writing there.
CREATE TABLE audit_entries (
    account BYTEA NOT NULL,
    at      BIGINT NOT NULL,
    id      BYTEA NOT NULL CHECK (length(id) = 16),
    zone    BYTEA NOT NULL,
    entry   BYTEA NOT NULL,
    PRIMARY KEY (account, at, id, zone)
);
