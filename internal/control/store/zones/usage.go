package zones

import (
	"context"
	"fmt"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
)

// CountOctets counts all zones' octets anew; they are derived from the records, and no backup has them. The migration that
// adds the column says the same.
const CountOctets = `UPDATE zones SET octets = (
	SELECT coalesce(sum(octet_length(rdata) + octet_length(content) + octet_length(comment) + octet_length(tags)), 0)
	FROM records WHERE records.zone = zones.no)`

const accountUsage = `SELECT count(*), CAST(coalesce(sum(records), 0) AS BIGINT), CAST(coalesce(sum(octets), 0) AS BIGINT)
	FROM zones WHERE account = ?`

func readUsage(ctx context.Context, c engine.Conn, account model.ID) (u model.Usage, err error) {
	if err := c.One(ctx, []any{&u.Zones, &u.Records, &u.Octets}, accountUsage, engine.ID(account)); err != nil {
		return u, fmt.Errorf("usage of account %s: %w", account, err)
	}
	return u, nil
}

// Usage is what the account's zones hold, as committed.
func (t *Tx) Usage(ctx context.Context, account model.ID) (model.Usage, error) {
	return readUsage(ctx, t.c, account)
}

// ZoneUsage is what the zone holds, as committed.
func (t *Tx) ZoneUsage(ctx context.Context, zone model.ID) (model.Usage, error) {
	u := model.Usage{Zones: 1}
	if err := t.c.One(ctx, []any{&u.Records, &u.Octets}, `SELECT records, octets FROM zones WHERE id = ?`, engine.ID(zone)); err != nil {
		return u, fmt.Errorf("usage of zone %s: %w", zone, err)
	}
	return u, nil
}

// GrowZone adds to the octets of a zone's records, by Commit.
func (t *Tx) GrowZone(ctx context.Context, zone model.ID, octets int64) error {
	if octets == 0 {
		return nil
	}
	no, err := t.number(ctx, zone)
	if err == nil {
		t.heavier[no] += octets
	}
	return err
}

// Usage counts all that an account has quotas of, but for each zone alone.
func (s *Store) Usage(ctx context.Context, account model.ID) (map[model.Quota]int64, error) {
	u, err := readUsage(ctx, s.db.Read, account)
	if err != nil {
		return nil, err
	}
	out := map[model.Quota]int64{}
	for _, q := range []model.Quota{model.QuotaZones, model.QuotaRecords, model.QuotaOctets} {
		out[q] = u.Of(q)
	}
	for q := range quotaTables() {
		if out[q], err = countObjects(ctx, s.db.Read, account, q); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// quotaTables hold a row for each of what accounts have quotas of.
func quotaTables() map[model.Quota]string {
	return map[model.Quota]string{
		model.QuotaMembers: "members", model.QuotaTokens: "tokens", model.QuotaTSIGs: "tsigs", model.QuotaPeers: "peers", model.QuotaACLs: "acls",
	}
}

func countObjects(ctx context.Context, c engine.Conn, account model.ID, which model.Quota) (n int64, err error) {
	table := quotaTables()[which]
	if err := c.One(ctx, []any{&n}, `SELECT count(*) FROM `+table+` WHERE account = ?`, engine.ID(account)); err != nil {
		return 0, fmt.Errorf("count %s of account %s: %w", table, account, err)
	}
	return n, nil
}

// Objects counts the account's keys, peers or ACLs.
func (t *Tx) Objects(ctx context.Context, account model.ID, which model.Quota) (int64, error) {
	return countObjects(ctx, t.c, account, which)
}
