-- +goose Up
-- What nodes tell one another: how secondaries stand, and alarms. Positions rise by one in the order of commits; the last some thousand
-- are kept.
CREATE TABLE events (
    seq     INTEGER PRIMARY KEY,
    kind    INTEGER NOT NULL,
    account BLOB NOT NULL,
    zone    BLOB NOT NULL,
    at      INTEGER NOT NULL,
    doc     TEXT NOT NULL
) STRICT;

-- One row for each thing that an alarm was ever raised of. told is what was last told of it, of what raised is; where nobody is
-- to be told any more they are the same.
CREATE TABLE alarms (
    id      BLOB PRIMARY KEY CHECK (length(id) = 16),
    account BLOB NOT NULL,
    rule    TEXT NOT NULL,
    zone    BLOB NOT NULL,
    object  BLOB NOT NULL,
    raised  INTEGER NOT NULL,
    told    INTEGER NOT NULL,
    quiet   INTEGER NOT NULL, -- until then nobody is told
    changed INTEGER NOT NULL,
    doc     TEXT NOT NULL,
    UNIQUE (account, rule, zone, object)
) STRICT, WITHOUT ROWID;

CREATE INDEX alarms_changed ON alarms (account, raised, changed);
CREATE INDEX alarms_zone ON alarms (zone, raised);
CREATE INDEX alarms_untold ON alarms (account, quiet) WHERE raised <> told;

CREATE TABLE alarm_rules (
    account BLOB PRIMARY KEY,
    doc     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE webhooks (
    id      BLOB PRIMARY KEY CHECK (length(id) = 16),
    account BLOB NOT NULL,
    doc     TEXT NOT NULL,
    secret  BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX webhooks_account ON webhooks (account, id);

-- Messages to webhooks: those that wait, each with the time of its next try, and for a while what became of the others.
CREATE TABLE deliveries (
    id       BLOB PRIMARY KEY CHECK (length(id) = 16),
    account  BLOB NOT NULL,
    webhook  BLOB NOT NULL,
    state    INTEGER NOT NULL,
    next     INTEGER NOT NULL,
    attempts INTEGER NOT NULL,
    created  INTEGER NOT NULL,
    doc      TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX deliveries_waiting ON deliveries (webhook, next, id) WHERE state = 0;
CREATE INDEX deliveries_webhook ON deliveries (webhook, created, id);
