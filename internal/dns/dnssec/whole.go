package dnssec

import (
	"slices"

	"github.com/headwaterdns/headwater/internal/dns/rr"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// Part is a run of names, or of NSEC3 records, of a version that is signed as a whole. Parts can be signed at the same time.
type Part struct {
	job      *Job
	from, to wire.Name
	at, of   int     // of the first name, and of all, for the spread of expirations
	hashes   []proof // a run of the chain of NSEC3 in place of names
	next     Hash    // behind the last of them
	gone     []Hash  // what the chain has no more
}

// proof is a hash that has an NSEC3 record, and the record's bitmap.
type proof struct {
	hash  Hash
	types []byte
}

// Whole parts New into runs of about size names. The deltas of all parts, in their order, make it signed: with other keys than
// before, for the first time, or with another kind of denial. Without any signers they take away what there is.
func (j *Job) Whole(size int) ([]Part, error) {
	var parts []Part
	var chain []proof
	apex, last, total := j.New.Apex(), wire.Name(""), 0
	w := j.worker(nil)
	hashes := j.Denial == NSEC3 && !w.none()
	for n := range names(j.New, apex, "") {
		if total%size == 0 {
			if len(parts) > 0 {
				parts[len(parts)-1].to = n
			}
			parts = append(parts, Part{job: j, from: n, at: total})
		}
		total++
		if hashes {
			chain, last = w.appendExistence(chain, n, last)
		}
	}
	more, err := j.hashParts(chain, size)
	if err != nil {
		return nil, err
	}
	for i := range parts {
		parts[i].of = total
	}
	return append(parts, more...), nil
}

// appendExistence appends what name, and the names above it that only now exist, need in the chain. last is the name before it
// that needed something.
func (w *worker) appendExistence(chain []proof, name, last wire.Name) ([]proof, wire.Name) {
	types, ok := w.existence(name)
	if !ok || !w.inChain(w.New, name) {
		return chain, last // it is below a cut, or empty: its place comes with what is below it
	}
	chain = append(chain, proof{HashOf(name), types})
	if name == w.apex {
		return chain, name
	}
	for up := name.Parent(); up != w.apex && !last.Within(up); up = up.Parent() {
		chain = append(chain, proof{HashOf(up), nil})
	}
	return chain, name
}

// hashParts parts the chain of NSEC3, and lists what of it shall go.
func (j *Job) hashParts(chain []proof, size int) ([]Part, error) {
	v, ok := j.New.(Hashed)
	if !ok {
		if len(chain) > 0 {
			return nil, ErrNoNSEC3
		}
		return nil, nil
	}
	slices.SortFunc(chain, func(a, b proof) int { return compareHash(a.hash, b.hash) })
	var parts []Part
	for i := 0; i < len(chain); i += size {
		end := min(i+size, len(chain))
		parts = append(parts, Part{job: j, at: i, of: len(chain), hashes: chain[i:end], next: chain[end%len(chain)].hash})
	}
	var gone []Hash
	h, ok := Hash{}, v.HashedSets(Hash{}) != nil
	if !ok {
		h, ok = v.HashedAfter(h)
	}
	for ; ok; h, ok = v.HashedAfter(h) {
		if _, stays := slices.BinarySearchFunc(chain, h, func(e proof, h Hash) int { return compareHash(e.hash, h) }); !stays {
			gone = append(gone, h)
		}
	}
	if len(gone) > 0 {
		parts = append(parts, Part{job: j, gone: gone})
	}
	return parts, nil
}

// Sign gives the part's delta.
func (p *Part) Sign() (*Delta, error) {
	w := p.job.worker(nil)
	if p.from == "" {
		return p.signHashed(w)
	}
	if err := p.signNames(w); err != nil {
		return nil, err
	}
	return w.finish()
}

// signNames signs one name after the other, each when it is known which one of the chain follows.
func (p *Part) signNames(w *worker) (err error) {
	var last *entry
	sign := func(next wire.Name) {
		if last != nil && err == nil {
			err = w.entry(last, next)
		}
		last = nil
	}
	i, signs := p.at, !w.none()
	scan(w.New, p.from, func(owner wire.Name, sets []rr.Set, hidden bool) bool {
		e := entryOf(w.New, owner, sets)
		inChain := signs && len(e.data) > 0 && !hidden
		if inChain {
			sign(owner)
		}
		if p.to != "" && wire.Compare(owner, p.to) >= 0 {
			return last != nil && err == nil // of another part, unless it is the one that follows
		}
		if inChain {
			last, w.expiration = &e, w.Timing.spread(w.apex, i, p.of)
		} else {
			w.clear(&e)
		}
		i++
		return err == nil
	})
	sign(w.apex)
	return err
}

func (p *Part) signHashed(w *worker) (*Delta, error) {
	v, ok := w.New.(Hashed)
	if !ok {
		return nil, ErrNoNSEC3
	}
	for i := range p.hashes {
		next := p.next
		if i+1 < len(p.hashes) {
			next = p.hashes[i+1].hash
		}
		w.expiration = w.Timing.spread(w.apex, p.at+i, p.of)
		if err := w.hashed(v, p.hashes[i].hash, next, p.hashes[i].types); err != nil {
			return nil, err
		}
	}
	for _, h := range p.gone {
		w.change(h.owner(w.apex), v.HashedSets(h), nil)
	}
	return w.finish()
}

// Sign signs all of New at once.
func (j *Job) Sign() (*Delta, error) {
	const all = 1 << 30
	parts, err := j.Whole(all)
	if err != nil {
		return nil, err
	}
	out := &Delta{}
	for i := range parts {
		d, err := parts[i].Sign()
		if err != nil {
			return nil, err
		}
		out.join(d)
	}
	return out, nil
}

// Due lists names, from one on, and hashes whose signatures are to be renewed, are by other keys than those that sign now, or
// lack one by a key that does: up to limit in all. next is the name to go on from, "" if there are no more. Who wants them
// renewed gives them to Update, with a job without retired keys.
func (j *Job) Due(from wire.Name, limit int) (due []wire.Name, hashes []Hash, next wire.Name) {
	w := j.worker(nil)
	for n := range names(j.New, from, "") {
		if len(due) == limit {
			return due, nil, n
		}
		if e := at(j.New, n); w.stale(n, e.sigs) {
			due = append(due, n)
		}
	}
	v, ok := j.New.(Hashed)
	if !ok {
		return due, nil, ""
	}
	h, ok := v.HashedAfter(Hash{})
	for ; ok && len(due)+len(hashes) < limit; h, ok = v.HashedAfter(h) {
		for _, s := range v.HashedSets(h) {
			if s.Type == wire.TypeRRSIG && w.stale("", s.Data) {
				hashes = append(hashes, h)
			}
		}
	}
	return due, hashes, ""
}

// stale says that some of a name's signatures is to be renewed, or that one is missing beside it.
func (w *worker) stale(owner wire.Name, sigs [][]byte) bool {
	for _, rdata := range sigs {
		r, err := ParseRRSIG(rdata)
		if err != nil || w.Timing.Due(r) {
			return true
		}
		signers := w.signers(owner, r.Covers())
		if !slices.ContainsFunc(signers, r.by) {
			return true
		}
		for _, k := range signers {
			if !slices.ContainsFunc(sigs, func(b []byte) bool {
				o, err := ParseRRSIG(b)
				return err == nil && o.Covers() == r.Covers() && o.by(k)
			}) {
				return true
			}
		}
	}
	return false
}
