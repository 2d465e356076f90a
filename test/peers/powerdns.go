package peers

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"slices"
	"strings"

	_ "modernc.org/sqlite" // PowerDNS keeps its zones in SQLite; we make the database

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// schema is where the Debian package pdns-backend-sqlite3 puts the tables' definition.
const schema = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

// configurePowerDNS is for PowerDNS 4.5 and newer: a configuration, and a database with the zones, their primary, and
// what they need to ask by IXFR and to sign.
func (s *Secondary) configurePowerDNS(ctx context.Context) error {
	var b strings.Builder
	c := &s.cfg
	fmt.Fprintf(&b, "launch=gsqlite3\ngsqlite3-database=%s\ngsqlite3-pragma-synchronous=0\ngsqlite3-dnssec=yes\n", s.file("pdns.sqlite3"))
	fmt.Fprintf(&b, "local-address=%s\nlocal-port=%d\nquery-local-address=%s\n", c.Listen.Addr(), c.Listen.Port(), c.Listen.Addr())
	fmt.Fprintf(&b, "socket-dir=%s\nsecondary=yes\nguardian=no\ndaemon=no\ndisable-syslog=yes\nloglevel=5\n", s.dir)
	fmt.Fprintf(&b, "allow-notify-from=%s\nallow-axfr-ips=0.0.0.0/0,::/0\nxfr-cycle-interval=1\n", c.Notifier)
	b.WriteString("cache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\nzone-cache-refresh-interval=0\n")
	b.WriteString("zone-metadata-cache-ttl=0\nsecurity-poll-suffix=\nxfr-max-received-mbytes=10000\n")
	b.WriteString("max-tcp-connections=200\n")
	// Two that write at once can find SQLite's database locked, and the one that does gives up until the zone's refresh.
	b.WriteString("retrieval-threads=1\n")
	if err := s.write("pdns.conf", b.String()); err != nil {
		return err
	}
	tables, err := os.ReadFile(schema)
	if err != nil {
		return fmt.Errorf("install the Debian package pdns-backend-sqlite3: %w", err)
	}
	db, err := sql.Open("sqlite", s.file("pdns.sqlite3"))
	if err != nil {
		return err
	}
	defer db.Close()
	if _, err := db.ExecContext(ctx, string(tables)); err != nil {
		return err
	}
	return s.fillPowerDNS(ctx, db)
}

func (s *Secondary) fillPowerDNS(ctx context.Context, db *sql.DB) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback() //nolint:errcheck // it does nothing after Commit
	c := &s.cfg
	key := ""
	if c.Key != nil {
		name, algorithm, secret := keyParts(c.Key)
		key = name
		_, err := tx.ExecContext(ctx, "INSERT INTO tsigkeys (name, algorithm, secret) VALUES (?, ?, ?)", name, algorithm, secret)
		if err != nil {
			return err
		}
	}
	zones := c.Zones
	if c.Catalog != "" {
		zones = append(slices.Clip(zones), c.Catalog)
	}
	for i, z := range zones {
		kind := "SLAVE"
		if z == c.Catalog {
			kind = "CONSUMER"
		}
		const text = "INSERT INTO domains (id, name, type, master) VALUES (?, ?, ?, ?)"
		_, err := tx.ExecContext(ctx, text, i+1, z.Host(), kind, c.Primary.String())
		if err != nil {
			return err
		}
		meta := map[string]string{}
		if !c.NoIXFR {
			meta["IXFR"] = "1"
		}
		if key != "" {
			meta["AXFR-MASTER-TSIG"] = key
		}
		for kind, content := range meta {
			_, err := tx.ExecContext(ctx, "INSERT INTO domainmetadata (domain_id, kind, content) VALUES (?, ?, ?)", i+1, kind, content)
			if err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

// withheld are the records that PowerDNS answers but leaves out of its own AXFR, where it signs for itself: DNSKEY, CDS and
// CDNSKEY.
const withheld = "SELECT r.name, r.type, r.ttl, r.content FROM records r JOIN domains d ON d.id = r.domain_id " +
	"WHERE d.name = ? AND r.type IN ('DNSKEY', 'CDS', 'CDNSKEY')"

// appendWithheld reads them from the database.
func (s *Secondary) appendWithheld(ctx context.Context, dst []byte, zone wire.Name) ([]byte, error) {
	db, err := sql.Open("sqlite", s.file("pdns.sqlite3")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		return nil, err
	}
	defer db.Close()
	rows, err := db.QueryContext(ctx, withheld, zone.Host())
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var name, typ, content string
		var ttl uint32
		if err := rows.Scan(&name, &typ, &ttl, &content); err != nil {
			return nil, err
		}
		owner, err := wire.ParseName(name)
		if err != nil {
			return nil, err
		}
		t, err := wire.ParseType(typ)
		if err != nil {
			return nil, err
		}
		data, err := rr.ParseData(t, content, zone)
		if err != nil {
			return nil, err
		}
		dst = wire.AppendRR(dst, owner, t, wire.ClassIN, ttl, data)
	}
	return dst, rows.Err()
}
