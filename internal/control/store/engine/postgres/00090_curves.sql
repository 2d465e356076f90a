-- +goose Up
-- What happened to zones and accounts, in cells of a quarter of an hour and of six hours: about is the zone, or the account itself; step the
-- seconds of a cell, cell its number since 1970. Queries by what came of them, transfers, and in how many milliseconds peers had versions.
CREATE TABLE curves (
    account BYTEA NOT NULL,
    about BYTEA NOT NULL,
    step BIGINT NOT NULL,
    cell BIGINT NOT NULL,
    noerror BIGINT NOT NULL,
    nxdomain BIGINT NOT NULL,
    servfail BIGINT NOT NULL,
    refused BIGINT NOT NULL,
    other BIGINT NOT NULL,
    full_transfers BIGINT NOT NULL,
    steps BIGINT NOT NULL,
    transfers_refused BIGINT NOT NULL,
    transfers_failed BIGINT NOT NULL,
    full_octets BIGINT NOT NULL,
    step_octets BIGINT NOT NULL,
    arrivals BIGINT NOT NULL,
    lag_ms BIGINT NOT NULL,
    lag_max BIGINT NOT NULL,
    PRIMARY KEY (account, about, step, cell)
);
-- Up to which of its batches a run of a node has written them, so that one that is written again counts once.
CREATE TABLE curve_runs (
    run BYTEA NOT NULL PRIMARY KEY,
    batch BIGINT NOT NULL,
    told BIGINT NOT NULL
);
