package notify

import (
	"context"
	"log/slog"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// Pauses of the keeper: what is acknowledged within savePause is kept together. The shorter it is, the less often a node
// that takes over tells what its predecessor had told already.
const (
	savePause = 100 * time.Millisecond
	failPause = time.Second
)

// save keeps what was acknowledged, a batch at a time, and once more at the end; and has zones reviewed in between, so that
// nothing is read that is just being written.
func (s *Sender) save(ctx context.Context, end <-chan struct{}) {
	pause := time.NewTimer(0)
	defer pause.Stop()
	<-pause.C
	failing := false
	for {
		select {
		case <-end:
			s.saveLast(ctx)
			return
		case <-s.review:
			err := s.saveOnce(ctx)
			if err == nil {
				err = s.reviewAll(ctx)
			}
			if err == nil {
				failing = false
				continue
			}
			if !failing { // once, however often it is tried
				s.cfg.Log.Warn("cannot read what secondaries know, trying again", slog.Any("error", err))
			}
			failing = true
			s.Review()
			pause.Reset(failPause)
		case <-s.acked:
			err := s.saveOnce(ctx)
			if err == nil {
				failing = false
				pause.Reset(savePause)
				break
			}
			if !failing {
				s.cfg.Log.Warn("cannot keep what secondaries know, trying again", slog.Any("error", err))
			}
			failing = true
			knock(s.acked)
			pause.Reset(failPause)
		}
		select {
		case <-end:
			s.saveLast(ctx)
			return
		case <-pause.C:
		}
	}
}

func (s *Sender) saveLast(ctx context.Context) {
	if err := s.saveOnce(context.WithoutCancel(ctx)); err != nil {
		s.cfg.Log.Warn("cannot keep what secondaries know", slog.Any("error", err))
	}
}

// reviewAll wishes that every linked zone be planned, by what peers are known to know.
func (s *Sender) reviewAll(ctx context.Context) error {
	called := s.reviews.Load()
	known := map[taskKey]uint32{}
	if s.cfg.Load != nil {
		err := s.cfg.Load(ctx, func(a Ack) { known[taskKey{a.Zone, a.Peer}] = a.Serial })
		if err != nil {
			return err
		}
	}
	s.wishAll(known)
	s.reviewed(called)
	return nil
}

// reviewed lets what waited for a review go on, unless another was called for meanwhile.
func (s *Sender) reviewed(called int64) {
	if s.reviews.CompareAndSwap(called, 0) {
		s.ring()
	}
}

func (s *Sender) wishAll(known map[taskKey]uint32) {
	s.mu.Lock()
	// What is not saved yet is newer than what was loaded.
	for k, serial := range s.dirty {
		if known != nil {
			known[k] = serial
		}
	}
	s.mu.Unlock()
	s.wishes.Lock()
	s.cfg.DB.All(func(z *zone.Zone) bool {
		if len(z.State().Links.Peers) > 0 {
			w := s.wishes.zones[z.ID]
			w.review = true
			s.wishes.zones[z.ID] = w
		}
		return true
	})
	s.wishes.known = known
	s.wishes.Unlock()
	s.ring()
}

func (s *Sender) saveOnce(ctx context.Context) error {
	if s.cfg.Save == nil {
		return nil
	}
	s.mu.Lock()
	dirty := s.dirty
	s.dirty = map[taskKey]uint32{}
	s.mu.Unlock()
	if len(dirty) == 0 {
		return nil
	}
	acks := make([]Ack, 0, len(dirty))
	for k, serial := range dirty {
		acks = append(acks, Ack{Zone: k.zone, Peer: k.peer, Serial: serial})
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	err := s.cfg.Save(ctx, acks)
	if err != nil {
		s.mu.Lock()
		for k, serial := range dirty {
			if _, newer := s.dirty[k]; !newer {
				s.dirty[k] = serial
			}
		}
		s.mu.Unlock()
	}
	return err
}
