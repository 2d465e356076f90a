//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"strconv"
	"time"
)

// ticksPerSecond is the unit of /proc/PID/stat (USER_HZ), the same on every Linux that Go runs on.
const ticksPerSecond = 100

// cpuTime is a process's time in user and kernel mode.
type cpuTime struct{ user, system time.Duration }

// cpuSpan is what a process used while it was measured.
type cpuSpan struct {
	used cpuTime
	over time.Duration
	err  error
}

// measureCPU reads the times at both ends of the measurement. Without a process the result is empty.
func measureCPU(ctx context.Context, pids []int, p *phase) <-chan cpuSpan {
	out := make(chan cpuSpan, 1)
	if len(pids) == 0 {
		out <- cpuSpan{}
		return out
	}
	go func() {
		waitUntil(ctx, p.start.Add(p.from))
		began := time.Now()
		a, err := readCPU(pids)
		waitUntil(ctx, p.start.Add(p.until))
		b, err2 := readCPU(pids)
		if err == nil {
			err = err2
		}
		out <- cpuSpan{
			used: cpuTime{user: b.user - a.user, system: b.system - a.system}, over: time.Since(began), err: err,
		}
	}()
	return out
}

func waitUntil(ctx context.Context, t time.Time) {
	select {
	case <-ctx.Done():
	case <-time.After(time.Until(t)):
	}
}

// readCPU adds up what all the processes have used.
func readCPU(pids []int) (cpuTime, error) {
	var all cpuTime
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return all, err
		}
		one, err := parseStat(b)
		if err != nil {
			return all, err
		}
		all.user += one.user
		all.system += one.system
	}
	return all, nil
}

// parseStat reads fields 14 and 15 of /proc/PID/stat; the second one, a name, may hold spaces and parentheses.
func parseStat(b []byte) (cpuTime, error) {
	f := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:])
	if len(f) < 13 {
		return cpuTime{}, fmt.Errorf("unexpected form of /proc/PID/stat: %q", b)
	}
	var t [2]time.Duration
	for i := range t {
		n, err := strconv.ParseInt(string(f[11+i]), 10, 64)
		if err != nil {
			return cpuTime{}, fmt.Errorf("unexpected form of /proc/PID/stat: %w", err)
		}
		t[i] = time.Duration(n) * (time.Second / ticksPerSecond)
	}
	return cpuTime{user: t[0], system: t[1]}, nil
}

func (r *report) addCPU(s cpuSpan) error {
	if s.err != nil || s.over == 0 || r.Answered == 0 {
		return s.err
	}
	all := s.used.user + s.used.system
	r.CPU = &cpuReport{
		PerQuery:  float64(all) / 1e3 / float64(r.Answered),
		UserQuery: float64(s.used.user) / 1e3 / float64(r.Answered),
		Cores:     float64(all) / float64(s.over),
	}
	return nil
}
