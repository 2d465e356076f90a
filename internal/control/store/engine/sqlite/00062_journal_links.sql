-- +goose Up
-- Every commit wrote a page into the index of zones, which pruning alone needs. Each entry says now where its zone's entry
-- before it stands, 0 for none; the zone says where its last one is. Entries of before are linked when the store is opened: the
-- index of those that are not is empty afterwards.
ALTER TABLE journal ADD COLUMN prev INTEGER;

CREATE INDEX journal_unlinked ON journal (seq) WHERE prev IS NULL;

DROP INDEX journal_zone;
