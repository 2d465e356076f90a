-- +goose Up
-- Which node saw a peer of a zone sign with which key, while one key follows another: first and last, in microseconds since 1970.
CREATE TABLE key_sightings (
    peer    BLOB NOT NULL,
    zone    BLOB NOT NULL,
    node    BLOB NOT NULL,
    name    TEXT NOT NULL,
    certain INTEGER NOT NULL,
    since   INTEGER NOT NULL,
    seen    INTEGER NOT NULL,
    PRIMARY KEY (peer, zone, node, name, certain)
) STRICT, WITHOUT ROWID;
