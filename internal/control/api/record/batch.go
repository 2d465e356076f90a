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

	read [4][]recordBody // the operations of a batch that was read quickly, in the order of batchLists; the others are empty then
}

// batchLists are the members of a batch in the order in which they are done.
func batchLists() [4]string { return [4]string{"deletes", "patches", "puts", "posts"} }

// counts are the lengths of the four lists.
func (b *batchBody) counts() (out [4]int) {
	for i, list := range [...][]json.RawMessage{b.Deletes, b.Patches, b.Puts, b.Posts} {
		out[i] = len(list) + len(b.read[i])
	}
	return out
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
	counts := body.counts()
	n := counts[0] + counts[1] + counts[2] + counts[3]
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
	res, err := q.Change(edits...)
	if err != nil {
		return api.OrMissing(inBatch(err, counts), errNoRecord.Code, errNoRecord.Message)
	}
	lists := []*[]JSON{&out.Deletes, &out.Patches, &out.Puts, &out.Posts}
	at := 0
	for i, list := range lists {
		*list = make([]JSON, 0, counts[i])
		for range counts[i] {
			*list = append(*list, ToJSON(&q.Zone, res.Outcomes[at].Record))
			at++
		}
	}
	return q.OK(out)
}

func (b *batchBody) edits(q *api.Request, n int) ([]model.Edit, error) {
	edits := make([]model.Edit, 0, n)
	for l, list := range []struct {
		ops  []json.RawMessage
		edit func(z *model.Zone, body *recordBody) (model.Edit, error)
	}{
		{b.Deletes, batchDelete},
		{b.Patches, batchPatch},
		{b.Puts, batchPut},
		{b.Posts, batchPost},
	} {
		bodies := b.read[l]
		if len(list.ops) > 0 {
			bodies = make([]recordBody, len(list.ops))
		}
		for i := range bodies {
			at := func() string { return "/" + batchLists()[l] + "/" + strconv.Itoa(i) }
			if len(list.ops) > 0 {
				if err := api.DecodeJSON(list.ops[i], q.API.Limits.Depth, at(), &bodies[i]); err != nil {
					return nil, err
				}
			}
			e, err := list.edit(&q.Zone, &bodies[i])
			if err != nil {
				return nil, within(err, at())
			}
			edits = append(edits, e)
		}
	}
	return edits, nil
}

// inBatch points an error of a rule that needed other rows at its operation. counts are the lengths of the four lists.
func inBatch(err error, counts [4]int) error {
	failed, ok := errors.AsType[*model.EditError](err)
	if !ok {
		return err
	}
	at := failed.Index
	for i, name := range batchLists() {
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
