-- +goose Up
-- Nodes that work for zones, each until its lease ends, by the database's clock, and the newest circle that it has seen.
CREATE TABLE nodes (
    id      BLOB PRIMARY KEY CHECK (length(id) = 16),
    expires INTEGER NOT NULL,
    seen    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row: the number of the circle that these nodes are. It is also the lock under which nodes come and go.
CREATE TABLE circle (
    one   INTEGER PRIMARY KEY,
    epoch INTEGER NOT NULL
) STRICT;

INSERT INTO circle (one, epoch) VALUES (1, 0);
