//go:build linux

package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
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
		{[]string{rowFour, rowFirst}, resident, func(ctx context.Context, c *contestant) ([]float64, error) {
			r, err := b.transfers(ctx, c, 4)
			return []float64{r.took.Seconds(), ms(r.first)}, err
		}},
	}
}

// transferred tells of some transfers that began at once: when the last of them ended, and when the last of them had its
// first message.
type transferred struct{ took, first time.Duration }

// transfers fetches the zone n times at once and reads it to its end, looking at no more than message headers.
func (b *bench) transfers(ctx context.Context, c *contestant, n int) (transferred, error) {
	type one struct {
		transferred
		err error
	}
	begin := time.Now()
	done := make(chan one, n)
	for range n {
		go func() {
			first, err := b.drain(ctx, c, nil, nil)
			done <- one{transferred{time.Since(begin), first.Sub(begin)}, err}
		}()
	}
	var all transferred
	var errs []error
	for range n {
		o := <-done
		all.took, all.first = max(all.took, o.took), max(all.first, o.first)
		errs = append(errs, o.err)
	}
	return all, errors.Join(errs...)
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
	if _, err := b.drain(ctx, c, client, &b.kept); err != nil {
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

// drain reads a transfer and counts its records by the messages' headers: the zone's, those that were added, and the
// closing SOA. It tells when the first message was there.
func (b *bench) drain(ctx context.Context, c *contestant, sign *tsig.Client, keep *stream) (first time.Time, err error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", c.addr.String())
	if err != nil {
		return first, err
	}
	defer conn.Close()
	if err := requestAXFR(conn, sign); err != nil {
		return first, err
	}
	if err := conn.SetReadDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		return first, err
	}
	r := bufio.NewReaderSize(conn, 256<<10)
	msg := make([]byte, 2+wire.MaxMessage)
	got, want := 0, b.records+1
	for {
		if _, err := io.ReadFull(r, msg[:2]); err != nil {
			return first, fmt.Errorf("after %d records: %w", got, err)
		}
		m := msg[2 : 2+int(binary.BigEndian.Uint16(msg))]
		if _, err := io.ReadFull(r, m); err != nil {
			return first, err
		}
		if first.IsZero() {
			first = time.Now()
		}
		if code := wire.HeaderFlags(m).Rcode(); code != wire.RcodeNoError {
			return first, fmt.Errorf("%w: %s", errRefused, code)
		}
		if keep != nil {
			keep.buf = append(keep.buf, msg[:2+len(m)]...)
		}
		got += wire.Count(m, wire.SectionAnswer)
		switch {
		case got < want:
		case got > want && !c.grown:
			return first, fmt.Errorf("%w: %d records instead of %d", errSilent, got, want)
		case closes(m):
			return first, nil
		}
	}
}

func requestAXFR(conn net.Conn, sign *tsig.Client) error {
	var q wire.Builder
	q.Start(nil, wire.MaxMessage, 7, 0)
	q.Question([]byte(wire.MustName(zoneName)), wire.TypeAXFR, wire.ClassIN)
	msg := q.Finish()
	if sign != nil {
		msg = sign.Sign(msg, 0, time.Now())
	}
	_, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(msg))), msg...))
	return err
}

// closes says whether the last answer in a message is a SOA.
func closes(msg []byte) bool {
	r, err := wire.NewReader(msg)
	if err != nil {
		return false
	}
	var last wire.Type
	for rec := (wire.Record{}); r.Next(&rec); {
		if rec.Section == wire.SectionAnswer {
			last = rec.Type
		}
	}
	return r.Err() == nil && last == wire.TypeSOA
}
