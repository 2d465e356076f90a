//go:build linux

package main

import (
	"bytes"
	"fmt"
	"io"
	"math/bits"
	"time"

	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// tally is what one thread or connection counts.
type tally struct {
	sent, answered, lost, truncated, wrong uint64
	stray                                  uint64 // answers to nothing: late or doubled
	firstWrong                             string
	latency                                histogram
}

func (t *tally) add(o *tally) {
	t.sent += o.sent
	t.answered += o.answered
	t.lost += o.lost
	t.truncated += o.truncated
	t.wrong += o.wrong
	t.stray += o.stray
	if t.firstWrong == "" {
		t.firstWrong = o.firstWrong
	}
	for i, n := range o.latency {
		t.latency[i] += n
	}
}

// check compares an answer with its query: response bit, question octet by octet, code, number of answers.
func (t *tally) check(query, msg []byte, e expectation) {
	end := wire.HeaderLen
	for query[end] != 0 {
		end += int(query[end]) + 1
	}
	end += 5
	f := wire.HeaderFlags(msg)
	var why string
	switch {
	case f&wire.FlagQR == 0:
		why = "not a response"
	case len(msg) < end || !bytes.Equal(msg[wire.HeaderLen:end], query[wire.HeaderLen:end]):
		why = "another question"
	case e.rcode >= 0 && f.Rcode() != wire.Rcode(e.rcode):
		why = fmt.Sprintf("%v instead of %v", f.Rcode(), wire.Rcode(e.rcode))
	case f&wire.FlagTC != 0:
		t.truncated++
		return
	case e.answers >= 0 && wire.Count(msg, wire.SectionAnswer) != int(e.answers):
		why = fmt.Sprintf("%d answers instead of %d", wire.Count(msg, wire.SectionAnswer), e.answers)
	default:
		return
	}
	t.wrong++
	if t.firstWrong == "" {
		name, _, _ := wire.UnpackName(nil, query, wire.HeaderLen)
		t.firstWrong = fmt.Sprintf("%v: %s", wire.Name(name), why)
	}
}

// histogram counts durations in nanoseconds with 64 steps per power of two: within 1.6 %.
type histogram [64 * 40]uint64

func (h *histogram) record(d time.Duration) {
	v := uint64(max(d, 0))
	if v < 64 {
		h[v]++
		return
	}
	exp := bits.Len64(v) - 7
	h[min(len(h)-1, exp<<6+int(v>>exp))]++
}

// quantile gives the duration that a share q of all stay below.
func (h *histogram) quantile(q float64) time.Duration {
	var all uint64
	for _, n := range h {
		all += n
	}
	if all == 0 {
		return 0
	}
	rank := min(all-1, uint64(q*float64(all)))
	for i, n := range h {
		if rank < n {
			return bucketTop(i)
		}
		rank -= n
	}
	return bucketTop(len(h) - 1)
}

func bucketTop(i int) time.Duration {
	if i < 128 {
		return time.Duration(i)
	}
	exp := i>>6 - 1
	return time.Duration((uint64(i-exp<<6)+1)<<exp - 1)
}

// report is the result, printed as text or JSON. Latencies are in microseconds.
type report struct {
	Transport string  `json:"transport"`
	Seconds   float64 `json:"seconds"`
	Sent      uint64  `json:"sent"`
	Answered  uint64  `json:"answered"`
	Lost      uint64  `json:"lost"`
	Stray     uint64  `json:"stray"`
	Truncated uint64  `json:"truncated"`
	Wrong     uint64  `json:"wrong"`
	QPS       float64 `json:"qps"`

	P50 float64 `json:"p50_us"`
	P90 float64 `json:"p90_us"`
	P99 float64 `json:"p99_us"`
	P3N float64 `json:"p999_us"`
	Max float64 `json:"max_us"`

	CPU        *cpuReport `json:"cpu,omitempty"`
	FirstWrong string     `json:"first_wrong,omitempty"`
}

// cpuReport is what the server's process used: per answered query, and of one core.
type cpuReport struct {
	PerQuery  float64 `json:"us_per_query"`
	UserQuery float64 `json:"user_us_per_query"`
	Cores     float64 `json:"cores"`
}

func newReport(transport string, t *tally, took time.Duration) *report {
	us := func(q float64) float64 { return float64(t.latency.quantile(q)) / 1e3 }
	return &report{
		Transport: transport, Seconds: took.Seconds(), Sent: t.sent, Answered: t.answered, Lost: t.lost,
		Stray: t.stray, Truncated: t.truncated, Wrong: t.wrong, QPS: float64(t.answered) / took.Seconds(),
		P50: us(0.5), P90: us(0.9), P99: us(0.99), P3N: us(0.999), Max: us(1), FirstWrong: t.firstWrong,
	}
}

func (r *report) print(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%s: %.0f queries/s over %.2f s; sent %d, answered %d, lost %d, stray %d, truncated %d, wrong %d\n"+
		"latency us: p50 %.0f, p90 %.0f, p99 %.0f, p99.9 %.0f, max %.0f\n",
		r.Transport, r.QPS, r.Seconds, r.Sent, r.Answered, r.Lost, r.Stray, r.Truncated, r.Wrong,
		r.P50, r.P90, r.P99, r.P3N, r.Max)
	if err == nil && r.CPU != nil {
		_, err = fmt.Fprintf(w, "server CPU: %.2f us per answered query (user %.2f), %.2f cores\n",
			r.CPU.PerQuery, r.CPU.UserQuery, r.CPU.Cores)
	}
	return err
}
