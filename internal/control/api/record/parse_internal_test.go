package record

import (
	"encoding/json"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// FuzzParseRecord holds what we read ourselves against the decoder.
func FuzzParseRecord(f *testing.F) {
	for _, s := range []string{
		`{"type":"A","name":"www","content":"192.0.2.1"}`,
		` { "ttl" : 300 , "proxied" : true , "comment" : "x y" , "priority":0 } `,
		`{}`, `{"ttl":01}`, `{"ttl":1234567890}`, `{"ttl":"300"}`, `{"ttl":300.0}`, `{"ttl":-1}`, `{"proxied":null}`, `{"Name":"a"}`,
		`{"name":"a","name":"b"}`, `{"name":"a\u0062"}`, "{\"name\":\"a\nb\"}", `{"name":"ä"}`, `{"name":"a"}x`, `{"name":"a",}`, `{"tags":[]}`,
		`{"id":"0f","tags":["a:b", "c"]}`, `{"tags":["a",]}`, `{"tags":[1]}`, `{"tags":null}`, `{"tags":["a"],"tags":[]}`, `{"id":"a","id":"b"}`,
		`{"proxied":truex}`, `{"proxied":false}`, `{"ttl":1e3}`, "{\"name\":\"\x7f\"}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var got, want recordBody
		if !got.parse(b) {
			return
		}
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatalf("%q: read, but the decoder says %v", b, err)
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%q: read as %+v, by the decoder as %+v", b, got, want)
		}
	})
}

// FuzzParseBatch does the same for batches.
func FuzzParseBatch(f *testing.F) {
	for _, s := range []string{
		`{"posts":[{"type":"A","name":"www","content":"192.0.2.1"},{"type":"TXT","tags":["a:b"]}],"deletes":[{"id":"00"}]}`,
		` { "puts" : [ ] , "patches":[ {} ]} `, `{}`, `{"posts":null}`, `{"posts":[null]}`, `{"posts":[{}],"posts":[{}]}`, `{"Posts":[{}]}`, `{"posts":[{}],}`,
		`{"posts":[{},]}`, `{"posts":[{"data":{}}]}`, `{"other":1}`, `{"posts":{}}`, `{"posts":[[]]}`, `{"posts":[{}]}x`, `[]`, `{"posts":[],"posts":[]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var got, want batchBody
		if !got.parse(b) {
			return
		}
		if err := json.Unmarshal(b, &want); err != nil {
			t.Fatalf("%q: read, but the decoder says %v", b, err)
		}
		for i, list := range [...][]json.RawMessage{want.Deletes, want.Patches, want.Puts, want.Posts} {
			if len(got.read[i]) != len(list) {
				t.Fatalf("%q: %d operations in list %d, by the decoder %d", b, len(got.read[i]), i, len(list))
			}
			for n, raw := range list {
				var one recordBody
				if err := json.Unmarshal(raw, &one); err != nil || !reflect.DeepEqual(got.read[i][n], one) {
					t.Errorf("%q: operation %d of list %d read as %+v, by the decoder as %+v, %v", b, n, i, got.read[i][n], one, err)
				}
			}
		}
	})
}

// TestParseUsualBatch has batches of every size read here, but for those of very many operations.
func TestParseUsualBatch(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 1000, operationsRead, operationsRead + 1} {
		text := `{"deletes":[{"id":"00"}],"posts":[` + strings.TrimSuffix(strings.Repeat(`{"type":"A","tags":["x"]},`, n), ",") + `]}`
		var b batchBody
		if read := b.ParseQuick([]byte(text)); read != (n < operationsRead) || read && b.counts() != [4]int{1, 0, 0, n} || !read && b.counts() != [4]int{} {
			t.Errorf("%d records: %v, %v", n, read, b.counts())
		}
	}
}

func TestParseUsualRecord(t *testing.T) {
	t.Parallel()
	for _, s := range []string{
		`{"type":"A","name":"www","content":"192.0.2.1","ttl":300,"proxied":false}`,
		"{\r\n\t\"type\": \"MX\", \"name\": \"@\", \"content\": \"mail.example.com\", \"priority\": 10, \"comment\": \"by hand\"\n}\n",
	} {
		var b recordBody
		if !b.parse([]byte(s)) {
			t.Errorf("%s: left to the decoder", s)
		}
	}
}

// TestAppendAsEncoder writes random records as we do and as the encoder does.
func TestAppendAsEncoder(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	d := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	for range 2000 {
		batch := batchJSON{Deletes: randomRecords(d), Patches: randomRecords(d), Puts: randomRecords(d), Posts: randomRecords(d)}
		env := api.Envelope{Result: batch, Success: true, Errors: []api.ErrorJSON{}, Messages: []api.Message{}}
		if d.IntN(2) == 0 {
			env.Result = randomRecord(d)
		}
		got, err := env.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		want, err := api.Encode(env)
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Fatalf("written\n%s\nby the encoder\n%s", got, want)
		}
	}
}

func randomRecords(d *rand.Rand) []JSON {
	out := make([]JSON, d.IntN(3))
	for i := range out {
		out[i] = randomRecord(d)
	}
	return out
}

func randomRecord(d *rand.Rand) JSON {
	texts := []string{"", "plain", `quo"ted\`, "<&>", "\x00\x1f\x7f", "ä", "\xff", "\u2028\u2029", "tab\tnew\n"}
	text := func() string { return texts[d.IntN(len(texts))] + texts[d.IntN(len(texts))] }
	coin := func() bool { return d.IntN(2) == 0 }
	at := func() api.Stamp {
		if d.IntN(4) == 0 {
			return api.Stamp{}
		}
		return api.Stamp(time.UnixMicro(d.Int64N(1 << 52)))
	}
	r := JSON{
		ID: model.ID(text()), Name: text(), Type: text(), Content: text(), Proxiable: coin(), Proxied: coin(), TTL: d.Uint32(),
		Settings: settingsJSON{coin(), coin(), coin()}, Meta: metaJSON{coin()}, Tags: []string{}, CreatedOn: at(), ModifiedOn: at(),
	}
	for coin() {
		r.Tags = append(r.Tags, text())
	}
	if coin() {
		comment, prio, modified := text(), uint16(d.IntN(1<<16)), at()
		r.Comment, r.Priority, r.CommentModified = &comment, &prio, &modified
		r.Data = json.RawMessage(`{"flags":0,"value":"x"}`)
	}
	if coin() {
		modified := at()
		r.TagsModified = &modified
	}
	return r
}
