-- +goose Up
-- The octets of a zone's records, for quotas.
ALTER TABLE zones ADD COLUMN octets INTEGER NOT NULL DEFAULT 0;

UPDATE zones SET octets = (
	SELECT coalesce(sum(octet_length(rdata) + octet_length(content) + octet_length(comment) + octet_length(tags)), 0)
	FROM records WHERE records.zone = zones.no);
