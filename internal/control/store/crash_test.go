package store_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/headwaterdns/headwater/internal/control/model"
	"github.com/headwaterdns/headwater/internal/control/store"
	"github.com/headwaterdns/headwater/internal/dns/wire"
)

// crashFile names the variable that makes this program the child of TestCrash, which commits until it is killed.
const crashFile = "HEADWATER_TEST_CRASH"

const crashRounds = 15

// TestCrash kills a writer at random moments: what it told of after Commit is there, and what is there is whole.
func TestCrash(t *testing.T) {
	t.Parallel()
	w := &world{url: engines[0].fresh(t)}
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	dice := rand.New(rand.NewPCG(seed, 0))
	var told []model.ID
	for range crashRounds {
		told = append(told, crashOnce(t, w.url, dice)...)
	}
	if len(told) < crashRounds {
		t.Fatalf("only %d commits were told of", len(told))
	}
	w.Store = w.open(t)
	zones, _, err := w.Zones(t.Context(), model.ZoneQuery{All: true})
	must(t, err)
	there := map[model.ID]int{}
	total := 0
	for _, z := range zones {
		for _, r := range w.list(t, z.ID, model.RecordQuery{}) {
			there[model.ID(r.Comment)]++
			total++
		}
	}
	for _, id := range told {
		if there[id] != crashBatch {
			t.Errorf("%d of %d records of commit %s are there", there[id], crashBatch, id)
		}
	}
	for id, n := range there {
		if n != crashBatch {
			t.Errorf("commit %s is there in part: %d", id, n)
		}
	}
	counted := 0
	for _, z := range zones {
		n, err := w.CountRecords(t.Context(), z.ID, model.RecordQuery{})
		must(t, err)
		counted += n
	}
	entries := w.entries(t, 0)
	if counted != total || len(entries) < len(told) {
		t.Errorf("%d records counted, %d there; %d journal entries, %d told of", counted, total, len(entries), len(told))
	}
	for i, e := range entries {
		if e.Seq != model.Seq(i)+1 {
			t.Fatalf("journal entry %d stands at %d", i, e.Seq)
		}
	}
}

// crashOnce runs a child, kills it after a random number of commits and a random moment, and returns what it told of.
func crashOnce(t *testing.T, url string, dice *rand.Rand) (told []model.ID) {
	t.Helper()
	self, err := os.Executable()
	must(t, err)
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), crashFile+"="+url)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	left := 1 + dice.IntN(60)
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		id, ok := strings.CutPrefix(lines.Text(), "committed ")
		if !ok {
			t.Errorf("child: %s", lines.Text())
			continue
		}
		told = append(told, model.ID(id))
		if left--; left == 0 {
			timer := time.AfterFunc(time.Duration(dice.IntN(3000))*time.Microsecond, func() { _ = cmd.Process.Kill() })
			defer timer.Stop()
		}
	}
	if err := cmd.Wait(); err == nil {
		t.Error("the child ended by itself")
	}
	return told
}

// crashBatch is how many records each commit of the child adds; the comment of each is the commit's id.
const crashBatch = 3

// crashChild commits until it is killed.
func crashChild() {
	err := func() error {
		ctx := context.Background()
		s, err := store.Open(ctx, store.Config{URL: os.Getenv(crashFile), SecretKey: testKey})
		if err != nil {
			return err
		}
		z := testZone(model.ID(strings.Repeat("a", 32)), fmt.Sprintf("p%d.test", os.Getpid()))
		z.ID = randomID()
		for n := 0; ; n++ {
			if err := crashCommit(ctx, s, z, n == 0); err != nil {
				return err
			}
		}
	}()
	fmt.Println(err)
	os.Exit(1)
}

func randomID() model.ID { return model.ID(fmt.Sprintf("%016x%016x", rand.Uint64(), rand.Uint64())) }

func crashCommit(ctx context.Context, s *store.Store, z model.Zone, first bool) error {
	tx, err := s.Begin(ctx)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	if err := tx.Lock(ctx, model.Locks{Accounts: []model.ID{z.Account}, Zones: []model.ID{z.ID}}); err != nil {
		return err
	}
	if first {
		if err := tx.PutZone(ctx, z); err != nil {
			return err
		}
	}
	commit := randomID()
	list := make([]model.Record, crashBatch)
	for i := range list {
		list[i] = testRecord(z.ID, "www.test", wire.TypeTXT, "text")
		list[i].ID, list[i].Comment = randomID(), string(commit)
	}
	if err := tx.PutRecords(ctx, list); err != nil {
		return err
	}
	if _, err := tx.Commit(ctx, []model.Entry{{Kind: model.EntryDelta, Zone: z.ID, Body: make([]byte, 500)}}); err != nil {
		return err
	}
	fmt.Println("committed", commit)
	return nil
}
