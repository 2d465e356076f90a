-- +goose Up
-- What happened to zones and accounts, in cells of a quarter of an hour and of six hours: about is the zone, or the account itself; step the
-- seconds of a cell, cell its number since 1970. Queries by what came of them, transfers, and in how many milliseconds peers had versions.
CREATE TABLE curves (
    account BLOB NOT NULL,
    about BLOB NOT NULL,
    step INTEGER NOT NULL,
    cell INTEGER NOT NULL,
    noerror INTEGER NOT NULL,
    nxdomain INTEGER NOT NULL,
    servfail INTEGER NOT NULL,
    refused INTEGER NOT NULL,
    other INTEGER NOT NULL,
    full_transfers INTEGER NOT NULL,
    steps INTEGER NOT NULL,
    transfers_refused INTEGER NOT NULL,
    transfers_failed INTEGER NOT NULL,
    full_octets INTEGER NOT NULL,
    step_octets INTEGER NOT NULL,
    arrivals INTEGER NOT NULL,
    lag_ms INTEGER NOT NULL,
    lag_max INTEGER NOT NULL,
    PRIMARY KEY (account, about, step, cell)
) STRICT, WITHOUT ROWID;
-- Up to which of its batches a run of a node has written them, so that one that is written again counts once.
CREATE TABLE curve_runs (
    run BLOB NOT NULL PRIMARY KEY,
    batch INTEGER NOT NULL,
    told INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
