-- +goose Up
CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters (name, value) VALUES ('seq', 0), ('floor', 0);

CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
    id   BLOB PRIMARY KEY CHECK (length(id) = 16),
    name TEXT NOT NULL,
    doc  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- no is a short stand-in for id in the tables that have many rows for each zone.
CREATE TABLE zones (
    no      INTEGER PRIMARY KEY,
    id      BLOB NOT NULL UNIQUE CHECK (length(id) = 16),
    account BLOB NOT NULL,
    name    TEXT NOT NULL UNIQUE,
    status  TEXT NOT NULL,
    serial  INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    records INTEGER NOT NULL,
    doc     TEXT NOT NULL
) STRICT;

CREATE INDEX zones_account_id ON zones (account, id);
CREATE INDEX zones_account_name ON zones (account, name);

-- The last serials of deleted zones.
CREATE TABLE serials (
    name   TEXT PRIMARY KEY,
    serial INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE links (
    zone INTEGER NOT NULL,
    peer BLOB NOT NULL,
    PRIMARY KEY (zone, peer)
) STRICT, WITHOUT ROWID;

CREATE INDEX links_peer ON links (peer, zone);

-- The key orders the rows as they are rendered. The indexes below end in it, so that type, name and content in order are
-- one walk each; the other orders are sorted from a scan, which costs less than an index that every change pays for.
CREATE TABLE records (
    zone             INTEGER NOT NULL,
    name             TEXT NOT NULL,
    type             TEXT NOT NULL,
    id               BLOB NOT NULL CHECK (length(id) = 16),
    content          TEXT NOT NULL,
    priority         INTEGER,
    rdata            BLOB NOT NULL,
    ttl              INTEGER NOT NULL,
    proxied          INTEGER NOT NULL,
    switches         INTEGER NOT NULL,
    comment          TEXT NOT NULL,
    tags             TEXT NOT NULL,
    created          INTEGER NOT NULL,
    modified         INTEGER NOT NULL,
    comment_modified INTEGER NOT NULL,
    tags_modified    INTEGER NOT NULL,
    PRIMARY KEY (zone, name, type, id)
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX records_id ON records (zone, id);
CREATE INDEX records_type ON records (zone, type, name, id);
CREATE INDEX records_content ON records (zone, lower(substr(content, 1, 64)), name, type, id);
CREATE INDEX records_proxied ON records (zone, name) WHERE proxied = 1;

-- Tags once more, folded, for filters.
CREATE TABLE record_tags (
    zone   INTEGER NOT NULL,
    record BLOB NOT NULL,
    pos    INTEGER NOT NULL,
    name   TEXT NOT NULL,
    value  TEXT NOT NULL,
    PRIMARY KEY (zone, record, pos)
) STRICT, WITHOUT ROWID;

CREATE INDEX record_tags_name ON record_tags (zone, name, value, record);

CREATE TABLE tsigs (
    id      BLOB PRIMARY KEY CHECK (length(id) = 16),
    account BLOB NOT NULL,
    doc     TEXT NOT NULL,
    secret  BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX tsigs_account ON tsigs (account, id);

CREATE TABLE peers (
    id      BLOB PRIMARY KEY CHECK (length(id) = 16),
    account BLOB NOT NULL,
    doc     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX peers_account ON peers (account, id);

CREATE TABLE acls (
    id      BLOB PRIMARY KEY CHECK (length(id) = 16),
    account BLOB NOT NULL,
    doc     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX acls_account ON acls (account, id);

CREATE TABLE journal (
    seq     INTEGER PRIMARY KEY,
    kind    INTEGER NOT NULL,
    account BLOB NOT NULL,
    zone    BLOB NOT NULL,
    serial  INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    body    BLOB NOT NULL,
    secret  BLOB NOT NULL
) STRICT;

CREATE INDEX journal_zone ON journal (zone, seq);

-- part is zone number * 65536 + number of the piece; piece 0 describes the whole.
CREATE TABLE images (
    part   INTEGER PRIMARY KEY,
    seq    INTEGER NOT NULL,
    serial INTEGER NOT NULL,
    served INTEGER NOT NULL,
    size   INTEGER NOT NULL,
    body   BLOB NOT NULL
) STRICT;

CREATE TABLE zone_access (
    zone   INTEGER PRIMARY KEY,
    seq    INTEGER NOT NULL,
    serial INTEGER NOT NULL,
    at     INTEGER NOT NULL,
    body   BLOB NOT NULL,
    secret BLOB NOT NULL
) STRICT;

CREATE TABLE account_access (
    account BLOB PRIMARY KEY,
    seq     INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    body    BLOB NOT NULL,
    secret  BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE changes (
    id  BLOB PRIMARY KEY CHECK (length(id) = 16),
    seq INTEGER NOT NULL,
    at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX changes_at ON changes (at, id);

CREATE TABLE audits (
    account     BLOB NOT NULL,
    at          INTEGER NOT NULL,
    id          BLOB NOT NULL CHECK (length(id) = 16),
    zone        BLOB NOT NULL,
    zone_name   TEXT NOT NULL,
    actor       BLOB NOT NULL,
    email       TEXT NOT NULL,
    ip          TEXT NOT NULL,
    action      TEXT NOT NULL,
    legacy      TEXT NOT NULL,
    resource    TEXT NOT NULL,
    resource_id BLOB NOT NULL,
    doc         TEXT NOT NULL,
    PRIMARY KEY (account, at, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX audits_zone ON audits (account, zone, at, id);

CREATE TABLE users (
    id    BLOB PRIMARY KEY CHECK (length(id) = 16),
    email TEXT NOT NULL UNIQUE,
    doc   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE members (
    id      BLOB PRIMARY KEY CHECK (length(id) = 16),
    account BLOB NOT NULL,
    person  BLOB NOT NULL,
    created INTEGER NOT NULL,
    doc     TEXT NOT NULL,
    UNIQUE (account, person)
) STRICT, WITHOUT ROWID;

CREATE INDEX members_person ON members (person);

CREATE TABLE tokens (
    id      BLOB PRIMARY KEY CHECK (length(id) = 16),
    person  BLOB NOT NULL,
    account BLOB NOT NULL,
    hash    BLOB NOT NULL UNIQUE,
    issued  INTEGER NOT NULL,
    used    INTEGER NOT NULL,
    doc     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX tokens_owner ON tokens (person, account, issued, id);

CREATE TABLE peer_states (
    zone   BLOB NOT NULL,
    peer   BLOB NOT NULL,
    serial INTEGER NOT NULL,
    known  INTEGER NOT NULL,
    data   BLOB NOT NULL,
    PRIMARY KEY (zone, peer)
) STRICT, WITHOUT ROWID;

-- Without statistics the planner takes a zone for ten records and reads it whole, whatever else a query asks for. These
-- are of a zone with very many, where it matters.
ANALYZE sqlite_schema;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('records', 'records', '1000000 100000 2 1 1'),
    ('records', 'records_id', '1000000 100000 1'),
    ('records', 'records_type', '1000000 100000 20000 2 1'),
    ('records', 'records_content', '1000000 100000 2 2 1 1'),
    ('records', 'records_proxied', '10000 1000 2'),
    ('record_tags', 'record_tags', '100000 10000 2 1'),
    ('record_tags', 'record_tags_name', '100000 10000 500 50 1');

ANALYZE sqlite_schema;
