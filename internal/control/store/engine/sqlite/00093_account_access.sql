-- +goose Up
-- Nodes that start read what an account's ACLs, keys and peers come to from their rows.
DROP TABLE account_access;
