package notify

import (
	"context"
	"log/slog"
	"time"
)

// save keeps what was acknowledged, a batch at a time, and once more at the end.
func (s *Sender) save(ctx context.Context, end <-chan struct{}) {
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	for {
		select {
		case <-end:
			s.saveOnce(context.WithoutCancel(ctx))
			return
		case <-tick.C:
			s.saveOnce(ctx)
		}
	}
}

func (s *Sender) saveOnce(ctx context.Context) {
	if s.cfg.Save == nil {
		return
	}
	s.mu.Lock()
	dirty := s.dirty
	s.dirty = map[taskKey]uint32{}
	s.mu.Unlock()
	if len(dirty) == 0 {
		return
	}
	acks := make([]Ack, 0, len(dirty))
	for k, serial := range dirty {
		acks = append(acks, Ack{Zone: k.zone, Peer: k.peer, Serial: serial})
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	if err := s.cfg.Save(ctx, acks); err != nil {
		s.cfg.Log.Warn("cannot keep what secondaries know", slog.Any("error", err))
		s.mu.Lock()
		for k, serial := range dirty {
			if _, newer := s.dirty[k]; !newer {
				s.dirty[k] = serial
			}
		}
		s.mu.Unlock()
	}
}
