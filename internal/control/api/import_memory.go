package api

import (
	"fmt"
	"net/http"
	"sync"

	"github.com/headwaterdns/headwater/internal/control/model"
)

// memory is what imports may hold, all of them together and those of one account.
type memory struct {
	mu        sync.Mutex
	most      int64
	used      int64
	byAccount map[model.ID]int64
}

// An account's imports take at most three quarters, so that there is always something for others.
func (m *memory) accountMost() int64 { return m.most - m.most/4 }

func newMemory(most int64) *memory { return &memory{most: most, byAccount: map[model.ID]int64{}} }

// MemoryShare is what one import holds of it.
type MemoryShare struct {
	of      *memory
	account model.ID
	held    int64 // taken from all
	used    int64 // of held
}

// Share begins with nothing.
func (m *memory) Share(account model.ID) *MemoryShare { return &MemoryShare{of: m, account: account} }

const (
	shareStep   = 1 << 20
	importRetry = 5 // seconds after which an import may be tried again
)

// Take takes so many octets more, or says why not: the import is too large for good, or others are in its way for now.
func (s *MemoryShare) Take(n int64) error {
	if s.used += n; s.used <= s.held {
		return nil
	}
	m := s.of
	m.mu.Lock()
	defer m.mu.Unlock()
	step := max(shareStep, s.used-s.held)
	if m.used+step > m.most || m.byAccount[s.account]+step > m.accountMost() {
		return m.refusal(s.held + step)
	}
	m.used += step
	m.byAccount[s.account] += step
	s.held += step
	return nil
}

func (m *memory) refusal(want int64) error {
	const mib = 1 << 20
	if want > m.accountMost() {
		return &model.Invalid{
			Code: model.CodeImport, Status: http.StatusRequestEntityTooLarge,
			Message: fmt.Sprintf("The file takes more memory than the %d MiB that imports of an account may take. Import it in parts.", m.accountMost()/mib),
		}
	}
	return &model.Invalid{
		Code: model.CodeImporting, Status: http.StatusTooManyRequests,
		Message: fmt.Sprintf("Other imports take what there is of the %d MiB for them, %d MiB for each account. Try again when they are over.", m.most/mib, m.accountMost()/mib),
	}
}

// Give gives all back.
func (s *MemoryShare) Give() {
	m := s.of
	m.mu.Lock()
	defer m.mu.Unlock()
	m.used -= s.held
	if m.byAccount[s.account] -= s.held; m.byAccount[s.account] == 0 {
		delete(m.byAccount, s.account)
	}
	s.held, s.used = 0, 0
}
