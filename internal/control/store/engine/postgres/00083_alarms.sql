-- +goose Up
-- What nodes tell one another: how secondaries stand, and alarms. Positions rise by one in the order of commits; the last some thousand
-- are kept.
CREATE TABLE events (
    seq     BIGINT PRIMARY KEY,
    kind    BIGINT NOT NULL,
    account BYTEA NOT NULL,
    zone    BYTEA NOT NULL,
    at      BIGINT NOT NULL,
    doc     TEXT COLLATE "C" NOT NULL
);

-- One row for each thing that an alarm was ever raised of. told is what was last told of it, of what raised is; where nobody is
-- to be told any more they are the same.
CREATE TABLE alarms (
    id      BYTEA PRIMARY KEY CHECK (length(id) = 16),
    account BYTEA NOT NULL,
    rule    TEXT COLLATE "C" NOT NULL,
    zone    BYTEA NOT NULL,
    object  BYTEA NOT NULL,
    raised  BIGINT NOT NULL,
    told    BIGINT NOT NULL,
    quiet   BIGINT NOT NULL, -- until then nobody is told
    changed BIGINT NOT NULL,
    doc     TEXT COLLATE "C" NOT NULL,
    UNIQUE (account, rule, zone, object)
);

CREATE INDEX alarms_changed ON alarms (account, raised, changed);
CREATE INDEX alarms_zone ON alarms (zone, raised);
CREATE INDEX alarms_untold ON alarms (account, quiet) WHERE raised <> told;

CREATE TABLE alarm_rules (
    account BYTEA PRIMARY KEY,
    doc     TEXT COLLATE "C" NOT NULL
);

CREATE TABLE webhooks (
    id      BYTEA PRIMARY KEY CHECK (length(id) = 16),
    account BYTEA NOT NULL,
    doc     TEXT COLLATE "C" NOT NULL,
    secret  BYTEA NOT NULL
);

CREATE INDEX webhooks_account ON webhooks (account, id);

-- Messages to webhooks: those that wait, each with the time of its next try, and for a while what became of the others.
CREATE TABLE deliveries (
    id       BYTEA PRIMARY KEY CHECK (length(id) = 16),
    account  BYTEA NOT NULL,
    webhook  BYTEA NOT NULL,
    state    BIGINT NOT NULL,
    next     BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    created  BIGINT NOT NULL,
    doc      TEXT COLLATE "C" NOT NULL
);

CREATE INDEX deliveries_waiting ON deliveries (webhook, next, id) WHERE state = 0;
CREATE INDEX deliveries_webhook ON deliveries (webhook, created, id);
