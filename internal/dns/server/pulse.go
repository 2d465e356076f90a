package server

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// pulseLook is after how long it is looked again whether a thread does nothing: that a datagram waits is nothing yet.
const pulseLook = time.Second

// beats is how far each thread had come when it was looked at last.
type beats struct {
	mu   sync.Mutex // held while sockets are looked at, or closed
	last []uint64
}

// Lives returns an error when a UDP thread does not live: datagrams wait for it, and it has answered none since it was looked at last, nor
// does while it is looked at. To ask over the network would not do: a flood fills the queues, and who is flooded must not be taken for
// dead. One at a time may look. It takes a moment if there is a doubt, until ctx ends at most.
func (s *Server) Lives(ctx context.Context) error {
	doubted := s.still(nil)
	if len(doubted) == 0 {
		return nil
	}
	timer := time.NewTimer(pulseLook)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
	if dead := s.still(doubted); len(dead) > 0 {
		return fmt.Errorf("threads do not take the datagrams that wait for them: %v", dead)
	}
	return nil
}

// still lists the addresses of threads that have work and have done none since the last call; among those that a call before has listed, if
// it is given.
func (s *Server) still(among map[int]string) map[int]string {
	s.pulse.mu.Lock()
	defer s.pulse.mu.Unlock()
	if len(s.pulse.last) != len(s.udp) {
		s.pulse.last = make([]uint64, len(s.udp))
	}
	out := map[int]string{}
	for i, u := range s.udp {
		done, waits := u.pulse()
		moved := done != s.pulse.last[i]
		s.pulse.last[i] = done
		if _, asked := among[i]; waits && !moved && (among == nil || asked) {
			out[i] = u.addr().String()
		}
	}
	return out
}
