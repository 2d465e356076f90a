-- +goose Up
-- The history of a zone is what the audit log has of it: each entry has the place of the zone's entry before it, and the zone that of
-- its newest. An index by zone would cost every change another page. History begins here: what was told before stands in the audit
-- log alone, for nothing says which serials it led to.
ALTER TABLE audit_entries ADD COLUMN prev_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE audit_entries ADD COLUMN prev_id BLOB NOT NULL DEFAULT x'';
ALTER TABLE zones ADD COLUMN told_at INTEGER NOT NULL DEFAULT 0;
ALTER TABLE zones ADD COLUMN told_id BLOB NOT NULL DEFAULT x'';
