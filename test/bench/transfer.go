//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/tsig"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

func (b *bench) transferJobs() []job {
	return []job{
		{[]string{rowAXFR}, resident, func(ctx context.Context, c *contestant) ([]float64, error) {
			r, err := b.transfers(ctx, c, 1)
			return []float64{r.took.Seconds()}, err
		}},
		{[]string{rowTSIG}, resident, b.signedTransfer},
		{[]string{rowTLS}, func(c *contestant) bool { return c.tls.IsValid() }, b.transferTLS},
		{[]string{rowFour, rowFirst}, resident, func(ctx context.Context, c *contestant) ([]float64, error) {
			r, err := b.transfers(ctx, c, 4)
			return []float64{r.took.Seconds(), ms(r.first)}, err
		}},
	}
}

// signedTransfer measures a signed transfer and verifies all its MACs afterwards. Our server wants the key linked first,
// and then takes no unsigned request.
func (b *bench) signedTransfer(ctx context.Context, c *contestant) (v []float64, err error) {
	if c.api != nil {
		if err := c.api.link(ctx, c.api.key); err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, c.api.link(ctx)) }()
	}
	key, err := tsig.NewKey(keyName, "hmac-sha256", keySecret, false)
	if err != nil {
		return nil, err
	}
	client := tsig.NewClient(key)
	if cap(b.kept.buf) == 0 {
		b.kept.buf = make([]byte, 0, 128*b.records)
		clear(b.kept.buf[:cap(b.kept.buf)]) // so that the kernel has given the memory before the time runs
	}
	b.kept.buf = b.kept.buf[:0]
	begin := time.Now()
	if _, err := b.drain(ctx, c, []*incoming{{sign: client, keep: &b.kept}}); err != nil {
		return nil, err
	}
	took := time.Since(begin)
	if err := b.kept.verify(client); err != nil {
		return nil, err
	}
	return []float64{took.Seconds()}, nil
}

// stream keeps the messages of a transfer, each with its length in front.
type stream struct{ buf []byte }

// verify checks the MACs of all messages. The last one must have one (RFC 8945 section 5.3.1).
func (s *stream) verify(client *tsig.Client) error {
	for rest := s.buf; len(rest) > 0; {
		n := int(binary.BigEndian.Uint16(rest))
		msg := rest[2 : 2+n]
		rest = rest[2+n:]
		r, err := wire.NewReader(msg)
		if err != nil {
			return err
		}
		at := 0
		for rec := (wire.Record{}); r.Next(&rec); {
			if rec.Type == wire.TypeTSIG {
				at = rec.At
			}
		}
		if r.Err() != nil {
			return r.Err()
		}
		if err := client.Verify(msg, at, len(rest) == 0, time.Now()); err != nil {
			return fmt.Errorf("signature: %w", err)
		}
	}
	return nil
}
