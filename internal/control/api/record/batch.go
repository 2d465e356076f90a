package record

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/control/model"
)

// batchBody keeps the operations undecoded, so that an error can name the one it is in.
type batchBody struct {
	Deletes []json.RawMessage `json:"deletes"`
	Patches []json.RawMessage `json:"patches"`
	Puts    []json.RawMessage `json:"puts"`
	Posts   []json.RawMessage `json:"posts"`
}

type batchJSON struct {
	Deletes []JSON `json:"deletes"`
	Patches []JSON `json:"patches"`
	Puts    []JSON `json:"puts"`
	Posts   []JSON `json:"posts"`
}

// batchRecords does deletes, patches, puts and posts in this order, all or none, as one change (contract section 5.12).
func batchRecords(a *api.API, q *api.Request) error {
	var body batchBody
	if err := q.Decode(&body); err != nil {
		return err
	}
	n := len(body.Deletes) + len(body.Patches) + len(body.Puts) + len(body.Posts)
	if n > a.Limits.Batch {
		return api.Invalid(model.CodeBatchTooLarge, "", fmt.Sprintf("A batch may hold %d operations, this one has %d.", a.Limits.Batch, n))
	}
	edits, err := body.edits(q, n)
	if err != nil {
		return err
	}
	out := batchJSON{Deletes: []JSON{}, Patches: []JSON{}, Puts: []JSON{}, Posts: []JSON{}}
	if n == 0 {
		return q.OK(out)
	}
	counts := []int{len(body.Deletes), len(body.Patches), len(body.Puts), len(body.Posts)}
	res, err := q.Change(edits...)
	if err != nil {
		return api.OrMissing(inBatch(err, counts), errNoRecord.Code, errNoRecord.Message)
	}
	lists := []*[]JSON{&out.Deletes, &out.Patches, &out.Puts, &out.Posts}
	at := 0
	for i, list := range lists {
		for range counts[i] {
			*list = append(*list, ToJSON(&q.Zone, res.Outcomes[at].Record))
			at++
		}
	}
	return q.OK(out)
}

func (b *batchBody) edits(q *api.Request, n int) ([]model.Edit, error) {
	edits := make([]model.Edit, 0, n)
	for _, list := range []struct {
		name string
		ops  []json.RawMessage
		edit func(z *model.Zone, body *recordBody) (model.Edit, error)
	}{
		{"deletes", b.Deletes, batchDelete},
		{"patches", b.Patches, batchPatch},
		{"puts", b.Puts, batchPut},
		{"posts", b.Posts, batchPost},
	} {
		for i, raw := range list.ops {
			at := "/" + list.name + "/" + strconv.Itoa(i)
			var body recordBody
			if err := api.DecodeJSON(raw, q.API.Limits.Depth, at, &body); err != nil {
				return nil, err
			}
			e, err := list.edit(&q.Zone, &body)
			if err != nil {
				return nil, within(err, at)
			}
			edits = append(edits, e)
		}
	}
	return edits, nil
}

// inBatch points an error of a rule that needed other rows at its operation. counts are the lengths of the four lists.
func inBatch(err error, counts []int) error {
	failed, ok := errors.AsType[*model.EditError](err)
	if !ok {
		return err
	}
	at := failed.Index
	for i, name := range []string{"deletes", "patches", "puts", "posts"} {
		if at < counts[i] {
			return within(err, "/"+name+"/"+strconv.Itoa(at))
		}
		at -= counts[i]
	}
	return err
}

// within puts an operation's place in front of an error's pointer.
func within(err error, at string) error {
	var bad *model.Invalid
	if !errors.As(err, &bad) {
		return err
	}
	out := *bad
	out.Pointer = at + out.Pointer
	return &out
}

func (b *recordBody) batchID() (model.ID, error) {
	if !b.ID.Given() || b.ID.Value == "" {
		return "", api.Invalid(model.CodeRequestInvalid, "/id", "The record's id is missing.")
	}
	return b.ID.Value, nil
}

func batchDelete(_ *model.Zone, b *recordBody) (model.Edit, error) {
	id, err := b.batchID()
	return model.DeleteRecord{ID: id}, err
}

func batchPatch(z *model.Zone, b *recordBody) (model.Edit, error) {
	id, err := b.batchID()
	if err != nil {
		return nil, err
	}
	return b.patch(z, id), nil
}

func batchPut(z *model.Zone, b *recordBody) (model.Edit, error) {
	id, err := b.batchID()
	if err != nil {
		return nil, err
	}
	return b.put(z, id)
}

func batchPost(z *model.Zone, b *recordBody) (model.Edit, error) {
	return b.post(z)
}
