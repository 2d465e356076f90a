package node

import (
	"errors"
	"fmt"
	"testing"
)

func TestNotifySources(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		source, dns, transfer []string
		want                  string
		err                   error
	}{
		{nil, []string{"198.51.100.2:53"}, nil, "[198.51.100.2]", nil},
		{nil, []string{"198.51.100.2:53", "198.51.100.2:5300"}, []string{"198.51.100.2:54"}, "[198.51.100.2]", nil},
		{nil, []string{"198.51.100.2:53", "[2001:db8::2]:53"}, nil, "[198.51.100.2 2001:db8::2]", nil},
		{nil, []string{"198.51.100.2:53", "198.51.100.3:53"}, nil, "[]", nil},
		{nil, []string{"198.51.100.2:53"}, []string{"198.51.100.3:53"}, "[]", nil},
		{nil, []string{"0.0.0.0:53", "[2001:db8::2]:53"}, nil, "[2001:db8::2]", nil},
		{nil, []string{"0.0.0.0:53", "198.51.100.2:53"}, nil, "[]", nil},
		{nil, []string{":53"}, nil, "[]", nil},
		{nil, []string{"127.0.0.1:5300"}, nil, "[127.0.0.1]", nil},
		{[]string{"198.51.100.9"}, []string{"198.51.100.2:53", "[2001:db8::2]:53"}, nil, "[198.51.100.9 2001:db8::2]", nil},
		{[]string{"2001:db8::9", "198.51.100.9"}, []string{":53"}, nil, "[198.51.100.9 2001:db8::9]", nil},
		{[]string{"198.51.100.9", "198.51.100.8"}, []string{":53"}, nil, "[]", errTwoSources},
		{[]string{"2001:db8::9", "2001:db8::8"}, []string{":53"}, nil, "[]", errTwoSources},
		{[]string{"::ffff:198.51.100.9", "198.51.100.8"}, []string{":53"}, nil, "[]", errTwoSources},
	} {
		got, err := notifySources(&Config{NotifySource: tt.source, DNSListen: tt.dns, TransferListen: tt.transfer})
		if fmt.Sprint(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("source %v, listening on %v and %v: %v, %v; want %s", tt.source, tt.dns, tt.transfer, got, err, tt.want)
		}
	}
}

// TestOfferedSources: members of accounts choose among addresses that the server is known by, and those that its operator adds.
func TestOfferedSources(t *testing.T) {
	t.Parallel()
	got, err := offeredSources(&Config{
		NotifySource: []string{"198.51.100.9"}, NotifyOffer: []string{"::ffff:198.51.100.10", "2001:db8::10"},
		DNSListen: []string{":53", "198.51.100.2:53"}, TransferListen: []string{"[2001:db8::3]:53"}, TLSListen: []string{"0.0.0.0:853", "198.51.100.4:853"},
	})
	const want = "[198.51.100.9 198.51.100.10 2001:db8::10 198.51.100.2 198.51.100.4 2001:db8::3]"
	if fmt.Sprint(got) != want || err != nil {
		t.Errorf("%v, %v; want %s", got, err, want)
	}
}
