package api_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestBigZone imports a zone in one request and lists it in one page, and looks at the memory that the list takes. The size
// is HEADWATER_BIG_ZONE, 20,000 unless set; the memory's bound does not grow with it. It does not run beside other tests, whose memory would count.
func TestBigZone(t *testing.T) {
	size := 20_000
	if s := os.Getenv("HEADWATER_BIG_ZONE"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		size = n
	}
	s := newServer(t)
	s.client = plainClient(t) // no check of each answer: it would hold the whole
	z, zid := s.zone("example.com")
	first := s.serial(zid)
	var file bytes.Buffer
	for i := range size {
		fmt.Fprintf(&file, "host%07d\t300\tIN\tA\t10.%d.%d.%d ; number %d cf_tags=n:%d\n", i, i>>16, i>>8&255, i&255, i, i%10)
	}
	start := time.Now()
	r := s.importFile(z+"/dns_records/import", "file", file.String())
	if added, _ := r.imported(t); r.Status != 200 || added != size || s.serial(zid) != first+1 {
		t.Fatalf("import: %d %.500s", r.Status, r.Raw)
	}
	t.Logf("imported %d records in %v", size, time.Since(start))
	file = bytes.Buffer{}
	start = time.Now()
	var count int
	grown := peak(func() { count = s.countStreamed(z + "/dns_records?per_page=5000000") })
	if count != size {
		t.Errorf("the list has %d records", count)
	}
	t.Logf("listed them in %v with %d MiB more", time.Since(start), grown>>20)
	if grown > 100<<20 {
		t.Errorf("the list took %d MiB", grown>>20)
	}
}

// countStreamed reads a list without holding it.
func (s *server) countStreamed(path string) int {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.url+"/client/v4"+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+s.token)
	res, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	n, last := 0, byte(0)
	for in := bufio.NewReaderSize(res.Body, 1<<16); ; {
		c, err := in.ReadByte()
		if err == io.EOF {
			return n
		}
		if err != nil {
			s.t.Fatal(err)
		}
		if c == 'i' && last == '"' { // "id"
			if b, _ := in.Peek(2); string(b) == `d"` {
				n++
			}
		}
		last = c
	}
}

// peak runs f and tells by how much the heap in use grew at most, sampled.
func peak(f func()) uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	base, most := m.HeapInuse, m.HeapInuse
	var over atomic.Bool
	var wg sync.WaitGroup
	wg.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		var m runtime.MemStats
		for !over.Load() {
			<-tick.C
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapInuse)
		}
	})
	f()
	over.Store(true)
	wg.Wait()
	return most - base
}

// plainClient is a client whose connections end with the test.
func plainClient(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}
