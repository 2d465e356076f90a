package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store/alarms"
	"github.com/headwaterdns/headwater/internal/control/store/audit"
	"github.com/headwaterdns/headwater/internal/control/store/backup"
	"github.com/headwaterdns/headwater/internal/control/store/drafts"
	"github.com/headwaterdns/headwater/internal/control/store/engine"
	"github.com/headwaterdns/headwater/internal/control/store/inspect"
	"github.com/headwaterdns/headwater/internal/control/store/journal"
	"github.com/headwaterdns/headwater/internal/control/store/nodes"
	"github.com/headwaterdns/headwater/internal/control/store/people"
	"github.com/headwaterdns/headwater/internal/control/store/zones"
)

// The rooms' names where they are embedded.
type (
	journalStore = journal.Store
	zonesStore   = zones.Store
	auditStore   = audit.Store
	draftsStore  = drafts.Store
	peopleStore  = people.Store
	nodesStore   = nodes.Store
	backupStore  = backup.Store
	alarmsStore  = alarms.Store
	inspectStore = inspect.Store
)

// Store is a database of either engine, with all of its rooms. It is safe for many callers.
type Store struct {
	db *engine.DB
	*journalStore
	*zonesStore
	*auditStore
	*draftsStore
	*peopleStore
	*nodesStore
	*backupStore
	*alarmsStore
	*inspectStore

	ears    atomic.Pointer[Ears]
	news    atomic.Pointer[func(string)]
	stop    context.CancelFunc
	running sync.WaitGroup
	closing sync.Once
}

// Stats are counters since the store was opened: write transactions of changes, the time they took in Commit, and the
// journal rows and octets they wrote.
// Unwritable is since when no transaction has come about because the database cannot be reached, does not answer or takes nothing; zero
// while it does.
type Stats struct {
	Commits, CommitNanos, JournalRows, JournalBytes uint64
	CommitsTook                                     map[time.Duration]uint64 // how many took no longer
	CommitsFailed                                   map[string]uint64        // by the reason
	Unwritable                                      time.Time
}

// Open connects, migrates the tables and returns the store. A secret key that does not fit the database is ErrSecretKey, a
// database that another process has for itself ErrInUse.
func Open(ctx context.Context, cfg engine.Config) (*Store, error) {
	s := &Store{}
	cfg.Told = s.heard
	var err error
	if s.db, err = engine.Open(ctx, cfg); err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("open store: %w", err), s.db.Close())
	}
	return s, nil
}

// start opens the rooms and begins what runs beside the callers.
func (s *Store) start(ctx context.Context) (err error) {
	if s.journalStore, err = journal.Open(ctx, s.db); err != nil {
		return err
	}
	s.alarmsStore = alarms.New(s.db, s.tell)
	s.peopleStore = people.New(s.db, s.rightsMoved)
	if s.zonesStore, err = zones.Open(ctx, s.db, s.journalStore, func() { people.AccountsWritten(s.peopleStore) }); err != nil {
		return err
	}
	s.auditStore, s.nodesStore, s.draftsStore = audit.New(s.db), nodes.New(s.db), drafts.New(s.db)
	s.backupStore, s.inspectStore = backup.New(s.db, s.journalStore), inspect.New(s.db, s.zonesStore)
	var run context.Context
	run, s.stop = context.WithCancel(context.WithoutCancel(ctx))
	s.running.Go(func() { s.journalStore.Run(run) })
	if !s.db.Config.ReadOnly {
		s.running.Go(func() { s.peopleStore.Run(run) })
		s.running.Go(func() { s.zonesStore.Run(run) })
		s.running.Go(func() { s.tidy(run) })
	}
	return nil
}

// Ears hear what this process does to the store. All must return at once.
type Ears struct {
	Told   func() // it has written to the log of events
	Rights func() // it has let somebody do more or less than before
}

// Listen has the ears hear from now on.
func (s *Store) Listen(e Ears) { s.ears.Store(&e) }

func (s *Store) tell() {
	if e := s.ears.Load(); e != nil {
		e.Told()
	}
}

func (s *Store) rightsMoved() {
	if e := s.ears.Load(); e != nil {
		e.Rights()
	}
}

// Hear has f called with what this and other processes tell with their changes (Tx.Tell), from now on. It must return at once.
func (s *Store) Hear(f func(news string)) { s.news.Store(&f) }

func (s *Store) heard(news string) {
	if f := s.news.Load(); f != nil {
		(*f)(news)
	}
}

// tidyPause is how often old entries are taken off the journal and the audit log.
const tidyPause = time.Hour

func (s *Store) tidy(ctx context.Context) {
	tick := time.NewTicker(tidyPause)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if !s.db.Config.Tidies() {
			continue
		}
		if err := s.PruneNotices(ctx); err != nil {
			s.db.Config.Log.Warn("old journal entries not pruned", "error", err)
		}
		if err := s.PruneDeliveries(ctx); err != nil && ctx.Err() == nil {
			s.db.Config.Log.Warn("old messages to webhooks not pruned", "error", err)
		}
		if err := s.PruneAudits(ctx, s.db.Config.AuditKeep, s.historyKept); err != nil && ctx.Err() == nil {
			s.db.Config.Log.Warn("old audit entries not pruned", "error", err)
		}
	}
}

// historyKept is how long the history of an account's zones is kept; other logs have none.
func (s *Store) historyKept(ctx context.Context, account model.ID) (time.Duration, error) {
	a, err := s.Account(ctx, account)
	if errors.Is(err, model.ErrNotFound) {
		return 0, nil
	}
	return a.HistoryKept(), err
}

// Close ends what runs beside the callers and closes the database. Transactions must be over.
func (s *Store) Close() error {
	var err error
	s.closing.Do(func() {
		s.stop()
		s.running.Wait()
		if s.db.Alone() {
			if err := journal.Rest(context.Background(), s.journalStore); err != nil {
				s.db.Config.Log.Warn("an earlier version would not find the journal's end", "error", err)
			}
		}
		if err = s.db.Close(); err != nil {
			err = fmt.Errorf("close store: %w", err)
		}
	})
	return err
}

// Ping says whether the store can be reached (readiness); an error wraps model.ErrUnavailable.
func (s *Store) Ping(ctx context.Context) error { return s.db.Ping(ctx) }

// Shared says whether other processes may work on the same database.
func (s *Store) Shared() bool { return s.db.Shared() }

// Meta reads from a small table of names and values (first-start marks, server ids); model.ErrNotFound when the name is
// new. Names that begin with "store." are the store's own.
func (s *Store) Meta(ctx context.Context, key string) ([]byte, error) { return s.db.Meta(ctx, key) }

// PutMeta writes to it.
func (s *Store) PutMeta(ctx context.Context, key string, v []byte) error {
	return s.db.PutMeta(ctx, key, v)
}

// Outgrown is why this program may not write to the database any more, or not even read it: a later one has made the tables its own. nil
// while it may.
func (s *Store) Outgrown() error { return s.db.Outgrown() }

// Stats returns the counters as they are now.
func (s *Store) Stats() Stats {
	c := s.Counts()
	return Stats{
		Unwritable:  s.db.Unwritable(),
		CommitsTook: c.Took, CommitsFailed: c.Failed,
		Commits: c.Commits, CommitNanos: c.Nanos, JournalRows: c.Rows, JournalBytes: c.Bytes,
	}
}
