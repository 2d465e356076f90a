-- +goose Up
-- Audit entries are long, and a table that is its own index keeps few long rows on a page. Here they are appended in the
-- order of their commits, and two narrow indexes find them.
CREATE TABLE audits_by_commit (
    no          INTEGER PRIMARY KEY,
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
    doc         TEXT NOT NULL
) STRICT;

INSERT INTO audits_by_commit (account, at, id, zone, zone_name, actor, email, ip, action, legacy, resource, resource_id, doc)
SELECT account, at, id, zone, zone_name, actor, email, ip, action, legacy, resource, resource_id, doc FROM audits ORDER BY at, id;

DROP TABLE audits;

ALTER TABLE audits_by_commit RENAME TO audits;

CREATE UNIQUE INDEX audits_entry ON audits (account, at, id);
CREATE INDEX audits_zone ON audits (account, zone, at, id);
