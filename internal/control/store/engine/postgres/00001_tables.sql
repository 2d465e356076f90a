-- +goose Up
CREATE TABLE counters (
    name  TEXT COLLATE "C" PRIMARY KEY,
    value BIGINT NOT NULL
);

INSERT INTO counters (name, value) VALUES ('seq', 0), ('floor', 0);

CREATE TABLE meta (
    name  TEXT COLLATE "C" PRIMARY KEY,
    value BYTEA NOT NULL
);

CREATE TABLE accounts (
    id   BYTEA PRIMARY KEY CHECK (length(id) = 16),
    name TEXT COLLATE "C" NOT NULL,
    doc  TEXT COLLATE "C" NOT NULL
);

-- no is a short stand-in for id in the tables that have many rows for each zone.
CREATE SEQUENCE zone_no;

CREATE TABLE zones (
    no      BIGINT PRIMARY KEY DEFAULT nextval('zone_no'),
    id      BYTEA NOT NULL UNIQUE CHECK (length(id) = 16),
    account BYTEA NOT NULL,
    name    TEXT COLLATE "C" NOT NULL UNIQUE,
    status  TEXT COLLATE "C" NOT NULL,
    serial  BIGINT NOT NULL,
    seq     BIGINT NOT NULL,
    records BIGINT NOT NULL,
    doc     TEXT COLLATE "C" NOT NULL
);

CREATE INDEX zones_account_id ON zones (account, id);
CREATE INDEX zones_account_name ON zones (account, name);

-- The last serials of deleted zones.
CREATE TABLE serials (
    name   TEXT COLLATE "C" PRIMARY KEY,
    serial BIGINT NOT NULL
);

CREATE TABLE links (
    zone BIGINT NOT NULL,
    peer BYTEA NOT NULL,
    PRIMARY KEY (zone, peer)
);

CREATE INDEX links_peer ON links (peer, zone);

-- The key orders the rows as they are rendered. The indexes below end in it, so that type, name and content in order are
-- one walk each; the other orders are sorted from a scan, which costs less than an index that every change pays for.
CREATE TABLE records (
    zone             BIGINT NOT NULL,
    name             TEXT COLLATE "C" NOT NULL,
    type             TEXT COLLATE "C" NOT NULL,
    id               BYTEA NOT NULL CHECK (length(id) = 16),
    content          TEXT COLLATE "C" NOT NULL,
    priority         BIGINT,
    rdata            BYTEA NOT NULL,
    ttl              BIGINT NOT NULL,
    proxied          BIGINT NOT NULL,
    switches         BIGINT NOT NULL,
    comment          TEXT COLLATE "C" NOT NULL,
    tags             TEXT COLLATE "C" NOT NULL,
    created          BIGINT NOT NULL,
    modified         BIGINT NOT NULL,
    comment_modified BIGINT NOT NULL,
    tags_modified    BIGINT NOT NULL,
    PRIMARY KEY (zone, name, type, id)
);

CREATE UNIQUE INDEX records_id ON records (zone, id);
CREATE INDEX records_type ON records (zone, type, name, id);
CREATE INDEX records_content ON records (zone, lower(substr(content, 1, 64)), name, type, id);
CREATE INDEX records_proxied ON records (zone, name) WHERE proxied = 1;

-- Tags once more, folded, for filters.
CREATE TABLE record_tags (
    zone   BIGINT NOT NULL,
    record BYTEA NOT NULL,
    pos    BIGINT NOT NULL,
    name   TEXT COLLATE "C" NOT NULL,
    value  TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (zone, record, pos)
);

CREATE INDEX record_tags_name ON record_tags (zone, name, value, record);

CREATE TABLE tsigs (
    id      BYTEA PRIMARY KEY CHECK (length(id) = 16),
    account BYTEA NOT NULL,
    doc     TEXT COLLATE "C" NOT NULL,
    secret  BYTEA NOT NULL
);

CREATE INDEX tsigs_account ON tsigs (account, id);

CREATE TABLE peers (
    id      BYTEA PRIMARY KEY CHECK (length(id) = 16),
    account BYTEA NOT NULL,
    doc     TEXT COLLATE "C" NOT NULL
);

CREATE INDEX peers_account ON peers (account, id);

CREATE TABLE acls (
    id      BYTEA PRIMARY KEY CHECK (length(id) = 16),
    account BYTEA NOT NULL,
    doc     TEXT COLLATE "C" NOT NULL
);

CREATE INDEX acls_account ON acls (account, id);

CREATE TABLE journal (
    seq     BIGINT PRIMARY KEY,
    kind    BIGINT NOT NULL,
    account BYTEA NOT NULL,
    zone    BYTEA NOT NULL,
    serial  BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    body    BYTEA NOT NULL,
    secret  BYTEA NOT NULL
);

CREATE INDEX journal_zone ON journal (zone, seq);

-- part is zone number * 65536 + number of the piece; piece 0 describes the whole.
CREATE TABLE images (
    part   BIGINT PRIMARY KEY,
    seq    BIGINT NOT NULL,
    serial BIGINT NOT NULL,
    served BIGINT NOT NULL,
    size   BIGINT NOT NULL,
    body   BYTEA NOT NULL
);

CREATE TABLE zone_access (
    zone   BIGINT PRIMARY KEY,
    seq    BIGINT NOT NULL,
    serial BIGINT NOT NULL,
    at     BIGINT NOT NULL,
    body   BYTEA NOT NULL,
    secret BYTEA NOT NULL
);

CREATE TABLE account_access (
    account BYTEA PRIMARY KEY,
    seq     BIGINT NOT NULL,
    at      BIGINT NOT NULL,
    body    BYTEA NOT NULL,
    secret  BYTEA NOT NULL
);

CREATE TABLE changes (
    id  BYTEA PRIMARY KEY CHECK (length(id) = 16),
    seq BIGINT NOT NULL,
    at  BIGINT NOT NULL
);

CREATE INDEX changes_at ON changes (at, id);

CREATE TABLE audits (
    account     BYTEA NOT NULL,
    at          BIGINT NOT NULL,
    id          BYTEA NOT NULL CHECK (length(id) = 16),
    zone        BYTEA NOT NULL,
    zone_name   TEXT COLLATE "C" NOT NULL,
    actor       BYTEA NOT NULL,
    email       TEXT COLLATE "C" NOT NULL,
    ip          TEXT COLLATE "C" NOT NULL,
    action      TEXT COLLATE "C" NOT NULL,
    legacy      TEXT COLLATE "C" NOT NULL,
    resource    TEXT COLLATE "C" NOT NULL,
    resource_id BYTEA NOT NULL,
    doc         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (account, at, id)
);

CREATE INDEX audits_zone ON audits (account, zone, at, id);

CREATE TABLE users (
    id    BYTEA PRIMARY KEY CHECK (length(id) = 16),
    email TEXT COLLATE "C" NOT NULL UNIQUE,
    doc   TEXT COLLATE "C" NOT NULL
);

CREATE TABLE members (
    id      BYTEA PRIMARY KEY CHECK (length(id) = 16),
    account BYTEA NOT NULL,
    person  BYTEA NOT NULL,
    created BIGINT NOT NULL,
    doc     TEXT COLLATE "C" NOT NULL,
    UNIQUE (account, person)
);

CREATE INDEX members_person ON members (person);

CREATE TABLE tokens (
    id      BYTEA PRIMARY KEY CHECK (length(id) = 16),
    person  BYTEA NOT NULL,
    account BYTEA NOT NULL,
    hash    BYTEA NOT NULL UNIQUE,
    issued  BIGINT NOT NULL,
    used    BIGINT NOT NULL,
    doc     TEXT COLLATE "C" NOT NULL
);

CREATE INDEX tokens_owner ON tokens (person, account, issued, id);

CREATE TABLE peer_states (
    zone   BYTEA NOT NULL,
    peer   BYTEA NOT NULL,
    serial BIGINT NOT NULL,
    known  BIGINT NOT NULL,
    data   BYTEA NOT NULL,
    PRIMARY KEY (zone, peer)
);
