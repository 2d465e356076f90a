package client

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
)

// replacePage is how many records are listed at a time.
const replacePage = "5000"

// recordFields are what a record is: what of it is sent, and what makes two of them the same.
func recordFields() []string {
	return []string{"type", "name", "content", "data", "priority", "ttl", "proxied", "comment", "tags", "settings"}
}

// Replaced is by what records were made those of another zone.
type Replaced struct{ Added, Removed, Kept int }

// Replace makes the records of a zone of To those of one of From, by one change: all of it or nothing. What is in both is left alone, with
// its id.
func (k *Copier) Replace(ctx context.Context, from, to *Zone) (out Replaced, err error) {
	want, err := k.From.records(ctx, from.ID)
	if err != nil {
		return out, err
	}
	have, err := k.To.records(ctx, to.ID)
	if err != nil {
		return out, err
	}
	spare := map[string][]string{} // ids of what the target has, by what it is
	for _, r := range have {
		key := r.key()
		spare[key] = append(spare[key], r.id)
	}
	var batch struct {
		Deletes []map[string]string          `json:"deletes,omitempty"`
		Posts   []map[string]json.RawMessage `json:"posts,omitempty"`
	}
	for _, r := range want {
		key := r.key()
		if ids := spare[key]; len(ids) > 0 {
			spare[key] = ids[1:]
			out.Kept++
			continue
		}
		if _, structured := r.fields["data"]; structured {
			delete(r.fields, "content") // is derived from it
		}
		batch.Posts = append(batch.Posts, r.fields)
	}
	for _, r := range have {
		key := r.key()
		if i := slices.Index(spare[key], r.id); i >= 0 {
			batch.Deletes = append(batch.Deletes, map[string]string{"id": r.id})
		}
	}
	out.Added, out.Removed = len(batch.Posts), len(batch.Deletes)
	k.say("make the records of %s those of the source: %d added, %d removed, %d left alone", to.Name, out.Added, out.Removed, out.Kept)
	if k.Dry || out.Added+out.Removed == 0 {
		return out, nil
	}
	_, err = k.To.Call(ctx, http.MethodPost, "/zones/"+to.ID+"/dns_records/batch", batch, nil)
	return out, err
}

// listed is a record as a list gives it, less what the server adds.
type listed struct {
	id     string
	fields map[string]json.RawMessage
}

// key is the same for two records that are the same but for their ids and times. Maps are written in order.
func (r *listed) key() string {
	b, _ := json.Marshal(r.fields) // of what was JSON before
	return string(b)
}

func (r *Client) records(ctx context.Context, zone string) ([]listed, error) {
	list, err := pages[map[string]json.RawMessage](ctx, r, "/zones/"+zone+"/dns_records", replacePage)
	if err != nil {
		return nil, err
	}
	out := make([]listed, 0, len(list))
	for _, all := range list {
		l := listed{fields: map[string]json.RawMessage{}}
		if err := json.Unmarshal(all["id"], &l.id); err != nil {
			return nil, err
		}
		for _, name := range recordFields() {
			if v, ok := all[name]; ok && string(v) != "null" {
				l.fields[name] = v
			}
		}
		out = append(out, l)
	}
	return out, nil
}
