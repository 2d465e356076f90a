package notify

import (
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

// Sockets of sources are bounded: one that is in use never makes room for another, one that was not used for a while does.
func TestSourcesAreBounded(t *testing.T) {
	t.Parallel()
	s := sources{receive: func(*net.UDPConn) {}}
	defer s.close()
	from := netip.MustParseAddr("127.0.1.1")
	for range sourcesMost {
		if _, err := s.socket(from); err != nil {
			t.Fatal(err)
		}
		from = from.Next()
	}
	if _, err := s.socket(from); !errors.Is(err, errSources) {
		t.Errorf("one more: %v", err)
	}
	idle := netip.MustParseAddr("127.0.1.7")
	s.at[idle].used = time.Now().Add(-sourceIdle)
	if _, err := s.socket(from); err != nil || s.at[idle] != nil || len(s.at) != sourcesMost {
		t.Errorf("%v, %d sockets", err, len(s.at))
	}
	s.close()
	if _, err := s.socket(from); !errors.Is(err, net.ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
}
