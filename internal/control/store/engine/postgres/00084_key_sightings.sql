-- +goose Up
-- Which node saw a peer of a zone sign with which key, while one key follows another: first and last, in microseconds since 1970.
CREATE TABLE key_sightings (
    peer    BYTEA NOT NULL,
    zone    BYTEA NOT NULL,
    node    BYTEA NOT NULL,
    name    TEXT NOT NULL,
    certain BIGINT NOT NULL,
    since   BIGINT NOT NULL,
    seen    BIGINT NOT NULL,
    PRIMARY KEY (peer, zone, node, name, certain)
);
