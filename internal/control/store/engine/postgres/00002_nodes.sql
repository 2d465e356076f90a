-- +goose Up
-- Nodes that work for zones, each until its lease ends, by the database's clock, and the newest circle that it has seen.
CREATE TABLE nodes (
    id      BYTEA PRIMARY KEY CHECK (length(id) = 16),
    expires BIGINT NOT NULL,
    seen    BIGINT NOT NULL
);

-- One row: the number of the circle that these nodes are. It is also the lock under which nodes come and go.
CREATE TABLE circle (
    one   BIGINT PRIMARY KEY,
    epoch BIGINT NOT NULL
);

INSERT INTO circle (one, epoch) VALUES (1, 0);
