package record

import (
	"bytes"
	"fmt"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// BenchmarkBatchJSON is what a record of a batch of a hundred costs as JSON: read, made a record, and written into the answer.
func BenchmarkBatchJSON(b *testing.B) {
	const size = 100
	var body bytes.Buffer
	body.WriteString(`{"posts":[`)
	for n := range size {
		if n > 0 {
			body.WriteByte(',')
		}
		fmt.Fprintf(&body, `{"name":"host%d","type":"A","content":"192.0.2.%d","ttl":300}`, n, n)
	}
	body.WriteString(`]}`)
	z := model.Zone{ID: "0123456789abcdef0123456789abcdef", Name: wire.MustName("example.com")}
	a := &api.API{Config: api.Config{}}
	a.Limits.Depth = 32
	q := &api.Request{API: a, Zone: z}
	var planned model.Record
	b.ReportAllocs()
	for b.Loop() {
		var in batchBody
		if err := api.DecodeJSON(body.Bytes(), a.Limits.Depth, "", &in); err != nil {
			b.Fatal(err)
		}
		edits, err := in.edits(q, size)
		if err != nil {
			b.Fatal(err)
		}
		out := batchJSON{Posts: make([]JSON, 0, size)}
		for _, e := range edits {
			planned = e.(model.AddRecord).Record // as the committer gives it back
			planned.ID, planned.Created, planned.Modified = z.ID, time.Unix(1, 0), time.Unix(1, 0)
			out.Posts = append(out.Posts, ToJSON(&z, &planned))
		}
		_ = out.AppendJSON(nil)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*size), "ns/record")
}
