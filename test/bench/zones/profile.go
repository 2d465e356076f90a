//go:build linux

package main

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"strings"
	"time"

	"github.com/headwaterdns/headwater/internal/control/feed"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/zone"
)

// profile loads the store of a data directory in this process, as a start does.
func profile(ctx context.Context, data, prefix string) error {
	var key [32]byte
	raw, err := os.ReadFile(filepath.Join(data, "secret.key"))
	if err != nil {
		return err
	}
	b, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(raw)))
	if err != nil {
		return err
	}
	copy(key[:], b)
	s, err := store.Open(ctx, store.Config{URL: "sqlite:" + filepath.Join(data, "headwater.db"), SecretKey: key})
	if err != nil {
		return err
	}
	cpu, err := os.Create(prefix + ".cpu")
	if err != nil {
		return err
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		return err
	}
	begin := time.Now()
	ctx, stop := context.WithCancel(ctx)
	db := zone.NewDB(0)
	f := feed.New(feed.Config{Source: s, DB: db})
	done := make(chan error, 1)
	go func() { done <- f.Run(ctx) }()
	<-f.Loaded()
	took := time.Since(begin)
	pprof.StopCPUProfile()
	runtime.GC()
	runtime.GC()
	heap, err := os.Create(prefix + ".heap")
	if err != nil {
		stop()
		return err
	}
	err = pprof.Lookup("heap").WriteTo(heap, 0)
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fmt.Printf("%d zones loaded in %.2f s; live heap %.0f MiB, %.0f octets a zone, %.1f objects a zone\n",
		db.Len(), took.Seconds(), mib(int64(m.HeapAlloc)), per(int64(m.HeapAlloc), db.Len()), float64(m.HeapObjects)/float64(db.Len()))
	stop()
	return errors.Join(err, <-done, heap.Close(), cpu.Close(), s.Close())
}
