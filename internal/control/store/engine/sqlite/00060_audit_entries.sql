-- +goose Up
-- What a change leaves in the audit log is one packed entry (docs/formats/audit.md), in one tree: its key is the order in which
-- the log is read, and holds the zone, too. What is in the table audits stays there and is read beside it until it is as old as
-- entries are kept: so this step takes no time however long the log is, and a program of the version before still finds its table.
CREATE TABLE audit_entries (
    account BLOB NOT NULL,
    at      INTEGER NOT NULL,
    id      BLOB NOT NULL CHECK (length(id) = 16),
    zone    BLOB NOT NULL,
    entry   BLOB NOT NULL,
    PRIMARY KEY (account, at, id, zone)
) STRICT, WITHOUT ROWID;
