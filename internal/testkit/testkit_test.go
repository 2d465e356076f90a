package testkit

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"
)

type inner struct {
	Name   string
	hidden int
	Addr   netip.Addr
	When   time.Time
}

type outer struct {
	One  *inner
	List []inner
	Map  map[string]any
	Raw  []byte
	Next *outer
}

func value() *outer {
	return &outer{
		One: &inner{Name: "a", hidden: 1, Addr: netip.MustParseAddr("192.0.2.1"), When: time.Unix(7, 0).UTC()}, List: []inner{{Name: "x"}, {Name: "y"}},
		Map: map[string]any{"a": 1, "b": []any{"c", nil}}, Raw: []byte{1, 2},
	}
}

// Each way of being different is told, at its place; what only looks different is alike.
func TestDiff(t *testing.T) {
	for _, tt := range []struct {
		name    string
		change  func(*outer)
		options []Option
		want    string
	}{
		{"alike", func(*outer) {}, nil, ""},
		{"a time in another zone", func(o *outer) { o.One.When = time.Unix(7, 0).In(time.FixedZone("", 3600)) }, nil, ""},
		{"another time", func(o *outer) { o.One.When = time.Unix(8, 0) }, nil, "One.When: want"},
		{"a string", func(o *outer) { o.One.Name = "b" }, nil, `One.Name: want "a", got "b"`},
		{"a hidden field", func(o *outer) { o.One.hidden = 2 }, nil, "One.hidden: want 1, got 2"},
		{"a hidden field that does not count", func(o *outer) { o.One.hidden = 2 }, []Option{ExportedOnly}, ""},
		{"an address", func(o *outer) { o.One.Addr = netip.MustParseAddr("192.0.2.2") }, nil, "One.Addr.addr.lo: want"},
		{"the family of an address", func(o *outer) { o.One.Addr = netip.MustParseAddr("::ffff:192.0.2.1") }, nil, "One.Addr.z"},
		{"nil", func(o *outer) { o.One = nil }, nil, "One: want {Name:a"},
		{"an element", func(o *outer) { o.List[1].Name = "z" }, nil, `List[1].Name: want "y", got "z"`},
		{"an element less", func(o *outer) { o.List = o.List[1:] }, nil, "List: want 2 elements, got 1; from [0] on\n  - {Name:x"},
		{"an element more", func(o *outer) { o.List = append(o.List, inner{Name: "n"}) }, nil, "from [2] on\n  + {Name:n"},
		{"a key less", func(o *outer) { delete(o.Map, "a") }, nil, `Map["a"]: want 1, got nothing`},
		{"a key more", func(o *outer) { o.Map["n"] = 1 }, nil, `Map["n"]: want nothing, got 1`},
		{"another type", func(o *outer) { o.Map["a"] = "1" }, nil, `Map["a"]: want int 1, got string "1"`},
		{"deep in the middle", func(o *outer) { o.Map["b"].([]any)[1] = 1 }, nil, `Map["b"][1]: want nothing, got 1`},
		{"octets", func(o *outer) { o.Raw = []byte{1, 3} }, nil, "Raw: want [1 2], got [1 3]"},
		{"an empty map", func(o *outer) { o.Map = nil }, []Option{EmptyIsNil}, "Map"},
	} {
		got := value()
		tt.change(got)
		if d := Diff(value(), got, tt.options...); tt.want == "" && d != "" || !strings.Contains(d, tt.want) {
			t.Errorf("%s: %q, want %q", tt.name, d, tt.want)
		}
	}
	if d := Diff([]string{}, []string(nil)); d == "" {
		t.Error("nil and empty are alike")
	}
	if d := Diff(map[string]int{}, map[string]int(nil), EmptyIsNil) + Diff([]string{}, []string(nil), EmptyIsNil) + Diff([]byte{}, []byte(nil)); d != "" {
		t.Error(d)
	}
	if d := Diff("a\nb\nc\n", "a\nX\nb\nc\n"); d != "value in lines: want 4 elements, got 5; from [1] on\n  + \"X\"" {
		t.Error(d)
	}
	if d := Diff(1, int64(1)); d == "" {
		t.Error("types are alike")
	}
	if d := strings.Split(Diff(make([]int, 500), append(make([]int, 250), make([]int, 251)...)), "\n"); len(d) != 2 {
		t.Error(d)
	}
	a, b := &outer{}, &outer{}
	a.Next, b.Next = a, b
	if d := Diff(a, b); d != "" {
		t.Error(d)
	}
}

// A goroutine that goes on is told with its stack; one that ends while it is waited for is not.
func TestLeaked(t *testing.T) {
	stop := make(chan struct{})
	go forgotten(stop)
	err := leaked(20 * time.Millisecond)
	if err == nil || !strings.Contains(fmt.Sprint(err), "testkit.forgotten") || !strings.HasPrefix(err.Error(), "1 goroutines") {
		t.Errorf("%v", err)
	}
	time.AfterFunc(20*time.Millisecond, func() { close(stop) })
	if err := Leaked(); err != nil {
		t.Error(err)
	}
}

func forgotten(stop chan struct{}) { <-stop }

func TestMain(m *testing.M) { VerifyTestMain(m) }
