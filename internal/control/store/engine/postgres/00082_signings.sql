-- +goose Up
-- How far the signing of large zones has come, in names, as the node that is at it told last, by the database's clock.
CREATE TABLE signings (
    zone    BYTEA PRIMARY KEY,
    done    BIGINT NOT NULL,
    total   BIGINT NOT NULL,
    since   BIGINT NOT NULL,
    told    BIGINT NOT NULL
);
