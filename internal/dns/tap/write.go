package tap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"time"

	framestream "github.com/farsightsec/golang-framestream"
)

var (
	errPercent = errors.New("the share of answers that dnstap shows is above 0 and at most 100 percent")
	errTarget  = errors.New("want unix:PATH, tcp:HOST:PORT or file:PATH")
)

// contentType is what readers are told that frames hold.
const contentType = "protobuf:dnstap.Dnstap"

// Times of the writer: how often it looks, how long a reader may take nothing, and between two tries to find one.
const (
	pause     = 20 * time.Millisecond
	patience  = 5 * time.Second
	firstWait = 100 * time.Millisecond
	lastWait  = 10 * time.Second
)

// target is where samples go.
type target struct{ network, at string }

func parse(to string) (target, error) {
	network, at, _ := strings.Cut(to, ":")
	switch {
	case at == "":
	case network == "unix", network == "file":
		return target{network, at}, nil
	case network == "tcp":
		if _, _, err := net.SplitHostPort(at); err == nil {
			return target{network, at}, nil
		}
	}
	return target{}, fmt.Errorf("dnstap to %q: %w", to, errTarget)
}

// out is a stream of frames to a reader.
type out struct {
	*framestream.Writer
	c io.Closer
}

func (o *out) close() {
	_ = o.Close()
	_ = o.c.Close()
}

// connect opens the target. A file that is there already is kept beside the new one: streams cannot be joined.
func (t *Tap) connect(ctx context.Context) (*out, error) {
	opt := &framestream.WriterOptions{ContentTypes: [][]byte{[]byte(contentType)}, Timeout: patience}
	var c io.WriteCloser
	if t.to.network == "file" {
		if err := os.Rename(t.to.at, t.to.at+".old"); err != nil && !errors.Is(err, os.ErrNotExist) {
			return nil, err
		}
		f, err := os.OpenFile(t.to.at, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if err != nil {
			return nil, err
		}
		c = f
	} else {
		d := net.Dialer{Timeout: patience}
		conn, err := d.DialContext(ctx, t.to.network, t.to.at)
		if err != nil {
			return nil, err
		}
		c, opt.Bidirectional = conn, true
	}
	w, err := framestream.NewWriter(c, opt)
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return &out{w, c}, nil
}

// Run writes what was sampled until ctx ends. Who reads may come and go.
func (t *Tap) Run(ctx context.Context) error {
	tick := time.NewTicker(pause)
	defer tick.Stop()
	var o *out
	defer func() {
		if o != nil {
			_ = t.drain(o)
			o.close()
			t.open.Store(false)
		}
	}()
	wait, again, told := firstWait, time.Time{}, false
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		now := t.cfg.Now()
		if o == nil && now.Before(again) {
			continue
		}
		err := error(nil)
		if o == nil {
			o, err = t.connect(ctx)
		}
		if err == nil {
			if err = t.drain(o); err == nil {
				wait, told = firstWait, t.reached(told)
				continue
			}
			o.close()
		}
		o = nil
		t.open.Store(false)
		if !told && ctx.Err() == nil {
			t.cfg.Log.Warn("nobody takes dnstap messages: they are counted and dropped", "to", t.cfg.To, "error", err)
			told = true
		}
		again, wait = t.cfg.Now().Add(wait), min(2*wait, lastWait)
	}
}

// reached notes that somebody takes messages, and says so after it was told that nobody does.
func (t *Tap) reached(told bool) bool {
	if !t.open.Swap(true) && told {
		t.cfg.Log.Info("dnstap messages are taken again", "to", t.cfg.To)
	}
	return false
}

// drain writes what stands in the lanes. What an error keeps from being written counts as dropped.
func (t *Tap) drain(o *out) error {
	var frame, scratch []byte
	written := uint64(0)
	for i := range t.lanes {
		l := &t.lanes[i]
		for tail := l.tail.Load(); tail < l.head.Load(); tail++ {
			m := &l.slots[tail%slots]
			var zone []byte
			if t.cfg.Zone != nil {
				zone = t.cfg.Zone(m.query[:m.nq])
			}
			for _, kind := range []uint64{authQuery, authResponse} {
				frame, scratch = t.encode(frame[:0], scratch, m, kind, zone)
				if _, err := o.WriteFrame(frame); err != nil {
					l.tail.Store(tail + 1)
					t.dropped.Add(written + 1)
					return fmt.Errorf("write: %w", err)
				}
			}
			l.tail.Store(tail + 1)
			written++
		}
	}
	if written == 0 {
		return nil
	}
	if err := o.Flush(); err != nil {
		t.dropped.Add(written)
		return fmt.Errorf("write: %w", err)
	}
	t.sent.Add(2 * written)
	return nil
}
