package auth_test

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/headwaterdns/headwater/internal/control/auth"
	"github.com/headwaterdns/headwater/internal/control/model"
)

var (
	_ auth.Store          = (*fakeStore)(nil)
	_ auth.SessionStore   = (*fakeStore)(nil)
	_ auth.BootstrapStore = (*fakeStore)(nil)
)

var start = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

// fakeStore holds a few rows in memory.
type fakeStore struct {
	mu       sync.Mutex
	now      time.Time
	users    map[model.ID]model.User
	members  []model.Member
	tokens   map[model.ID]model.Token
	accounts map[model.ID]model.Account
	zones    []model.Zone
	meta     map[string][]byte
	sessions map[model.ID]model.Session
	touched  []model.ID
	fail     error
}

func newFake() *fakeStore {
	return &fakeStore{
		now: start, users: map[model.ID]model.User{}, tokens: map[model.ID]model.Token{},
		accounts: map[model.ID]model.Account{}, meta: map[string][]byte{}, sessions: map[model.ID]model.Session{},
	}
}

func (f *fakeStore) clock() time.Time { return f.now }

func (f *fakeStore) TokenByHash(_ context.Context, hash []byte) (model.Token, error) {
	for _, t := range f.tokens {
		if string(t.Hash) == string(hash) {
			return t, f.fail
		}
	}
	return model.Token{}, f.missing()
}

func (f *fakeStore) Token(_ context.Context, id model.ID) (model.Token, error) {
	return pick(f, f.tokens, id)
}

func (f *fakeStore) User(_ context.Context, id model.ID) (model.User, error) {
	return pick(f, f.users, id)
}

func (f *fakeStore) UserByEmail(_ context.Context, email string) (model.User, error) {
	for _, u := range f.users {
		if strings.EqualFold(u.Email, email) {
			return u, f.fail
		}
	}
	return model.User{}, f.missing()
}

func (f *fakeStore) Members(_ context.Context, _, user model.ID) ([]model.Member, error) {
	var out []model.Member
	for _, m := range f.members {
		if m.User == user {
			out = append(out, m)
		}
	}
	return out, f.fail
}

func (f *fakeStore) TouchToken(id model.ID, _ time.Time) { f.touched = append(f.touched, id) }

func (f *fakeStore) Meta(_ context.Context, key string) ([]byte, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	v, ok := f.meta[key]
	if !ok {
		return nil, f.missing()
	}
	return v, f.fail
}

func (f *fakeStore) Account(_ context.Context, id model.ID) (model.Account, error) {
	return pick(f, f.accounts, id)
}

func (f *fakeStore) Session(_ context.Context, id model.ID) (model.Session, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return pick(f, f.sessions, id)
}

func (f *fakeStore) Sessions(_ context.Context, owner model.ID) (out []model.Session, err error) {
	for _, v := range f.sessions {
		if v.Owner == owner {
			out = append(out, v)
		}
	}
	return out, f.fail
}

func (f *fakeStore) AddSession(_ context.Context, v model.Session, _ time.Time, _ int) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sessions[v.ID] = v
	return f.fail
}

func (f *fakeStore) TouchSession(model.ID, time.Time, netip.Addr) {}

func (f *fakeStore) Tokens(_ context.Context, user, _ model.ID, _ bool, _, _ int) (out []model.Token, total int, err error) {
	for _, t := range f.tokens {
		if t.User == user {
			out = append(out, t)
		}
	}
	return out, len(out), f.fail
}

func (x fakeTx) DeleteSecondFactor(context.Context, model.ID) error { return nil }

func (x fakeTx) EndSession(_ context.Context, _, id model.ID) error {
	delete(x.f.sessions, id)
	return nil
}

// EditPeople runs edit on the rows themselves.
func (f *fakeStore) EditPeople(_ context.Context, edit func(model.PeopleTx) error) error {
	if f.fail != nil {
		return f.fail
	}
	return edit(fakeTx{f: f})
}

// fakeTx is what bootstrap needs of a model.PeopleTx.
type fakeTx struct {
	model.PeopleTx
	f *fakeStore
}

func (x fakeTx) User(ctx context.Context, id model.ID) (model.User, error) {
	return x.f.User(ctx, id)
}

func (x fakeTx) Token(ctx context.Context, id model.ID) (model.Token, error) {
	return x.f.Token(ctx, id)
}

func (x fakeTx) Members(ctx context.Context, account, user model.ID) ([]model.Member, error) {
	return x.f.Members(ctx, account, user)
}

func (x fakeTx) PutMeta(_ context.Context, key string, v []byte) error {
	x.f.meta[key] = v
	return nil
}

func (x fakeTx) AddUser(_ context.Context, u model.User) error {
	x.f.users[u.ID] = u
	return nil
}

func (x fakeTx) EditUser(_ context.Context, id model.ID, edit func(*model.User) error) (model.User, error) {
	u := x.f.users[id]
	err := edit(&u)
	x.f.users[id] = u
	return u, err
}

func (x fakeTx) AddMember(_ context.Context, m model.Member) error {
	x.f.members = append(x.f.members, m)
	return nil
}

func (x fakeTx) AddToken(_ context.Context, t model.Token) error {
	x.f.tokens[t.ID] = t
	return nil
}

func (x fakeTx) EditToken(_ context.Context, id model.ID, edit func(*model.Token) error) (model.Token, error) {
	t := x.f.tokens[id]
	err := edit(&t)
	x.f.tokens[id] = t
	return t, err
}

func (f *fakeStore) Zones(_ context.Context, q model.ZoneQuery) ([]model.Zone, int, error) {
	var out []model.Zone
	for _, z := range f.zones {
		if q.All || has(q.IDs, z.ID) || has(q.Accounts, z.Account) {
			out = append(out, z)
		}
	}
	return out, len(out), f.fail
}

func (f *fakeStore) Accounts(context.Context, []model.ID, string, bool, int, int) ([]model.Account, int, error) {
	return []model.Account{{ID: accA}, {ID: accB}}, 2, f.fail
}

func (f *fakeStore) missing() error {
	if f.fail != nil {
		return f.fail
	}
	return model.ErrNotFound
}

func pick[T any](f *fakeStore, m map[model.ID]T, id model.ID) (T, error) {
	v, ok := m[id]
	if !ok {
		return v, f.missing()
	}
	return v, f.fail
}

func has(ids []model.ID, id model.ID) bool {
	return slices.Contains(ids, id)
}

// Ids that the tests use.
const (
	accA  model.ID = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	accB  model.ID = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	zoneA model.ID = "0a000000000000000000000000000001"
	zone2 model.ID = "0a000000000000000000000000000002"
	zoneB model.ID = "0b000000000000000000000000000001"
	admin model.ID = "00000000000000000000000000000001"
	owner model.ID = "00000000000000000000000000000002"
	guest model.ID = "00000000000000000000000000000003"
)

const (
	ownerKey = "0123456789abcdef0123456789abcdef01234"
	adminKey = "fedcba9876543210fedcba9876543210fedcb"
)

// peopled has an administrator of the server, an owner and a read-only guest of account A, and zones in two accounts.
func peopled() *fakeStore {
	f := newFake()
	f.accounts[accA], f.accounts[accB] = model.Account{ID: accA}, model.Account{ID: accB}
	f.users[admin] = model.User{ID: admin, Email: "root@example.com", Admin: true, KeyHash: auth.Digest(adminKey)}
	f.users[owner] = model.User{ID: owner, Email: "owner@example.com", KeyHash: auth.Digest(ownerKey)}
	f.users[guest] = model.User{ID: guest, Email: "guest@example.com"}
	f.members = []model.Member{
		{Account: accA, User: owner, Role: auth.RoleAdministrator, Status: auth.MemberAccepted},
		{Account: accA, User: guest, Role: auth.RoleReadOnly, Status: auth.MemberAccepted},
		{Account: accB, User: owner, Role: auth.RoleAdministrator, Status: "pending"},
	}
	f.zones = []model.Zone{{ID: zoneA, Account: accA}, {ID: zone2, Account: accA}, {ID: zoneB, Account: accB}}
	return f
}

func groupID(name string) model.ID {
	for _, g := range auth.Groups() {
		if g.Name == name {
			return g.ID
		}
	}
	panic("no group " + name)
}

func policy(effect string, s model.Scope, names ...string) model.Policy {
	p := model.Policy{Effect: effect, Scopes: []model.Scope{s}}
	for _, n := range names {
		p.Groups = append(p.Groups, groupID(n))
	}
	return p
}

// addToken stores a token and returns its value.
func (f *fakeStore) addToken(t model.Token) string {
	v := auth.NewUserToken()
	t.Hash, t.ID = auth.Digest(v), auth.NewID()
	f.tokens[t.ID] = t
	return v
}

func (f *fakeStore) authenticator() *auth.Authenticator {
	return auth.New(auth.Config{Store: f, Clock: f.clock})
}
