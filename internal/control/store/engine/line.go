package engine

import (
	"container/list"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"zombiezen.com/go/sqlite"
)

// line is a connection to a SQLite file, with the statements that were used last on it, prepared. It serves one goroutine at a
// time. Lists and filters make texts without end, so the statement that has not been used for the longest time makes
// room for a new one.
type line struct {
	conn *sqlite.Conn
	ctx  context.Context //nolint:containedctx // whose end breaks off what runs, of who has taken the connection; nil: nothing does
	most int
	by   map[text]*list.Element
	used list.List // of *statement, the last used in front
}

// statement is a prepared statement, and what goes in and comes out of it.
type statement struct {
	*sqlite.Stmt
	text  text
	kept  bool
	busy  bool // somebody reads its rows
	rows  Rows
	binds Binds
}

// maxStatements bounds the statements that are kept. SQLite holds some kilobytes for each.
const maxStatements = 256

// heavy is from how many octets on a statement does not keep its last parameters.
const heavy = 4096

// busyLimit is how long a statement waits for who holds the file.
const busyLimit = 10 * time.Second

// openLine connects to a file that is there, and settles how the connection works. Pragmas are as in "synchronous(FULL)".
func openLine(path, pragmas string, readOnly bool) (*line, error) {
	mode := sqlite.OpenReadWrite
	if readOnly {
		mode = sqlite.OpenReadOnly
	} else {
		pragmas += " journal_mode(WAL)" // which is a write, where another mode was before
	}
	conn, err := sqlite.OpenConn(path, mode)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", classifySQLite(err))
	}
	conn.SetBusyTimeout(busyLimit)
	l := &line{conn: conn, most: maxStatements, by: map[text]*list.Element{}}
	for p := range strings.FieldsSeq("synchronous(FULL) foreign_keys(1) temp_store(MEMORY) " + pragmas) {
		if err := l.do("PRAGMA " + p); err != nil {
			return nil, fmt.Errorf("open database: %s: %w", p, errors.Join(err, l.close()))
		}
	}
	return l, nil
}

// do runs a statement that has neither parameters nor an outcome.
func (l *line) do(t string) error {
	_, err := l.exec(context.Background(), &sqliteDialect, text{head: t}, params{})
	return err
}

func (l *line) exec(_ context.Context, d *Dialect, t text, p params) (int, error) {
	st, err := l.begin(d, t, &p)
	if err != nil {
		return 0, err
	}
	defer l.end(st)
	for more := true; more; {
		if more, err = st.Step(); err != nil {
			return 0, l.cause(err)
		}
	}
	return l.conn.Changes(), nil
}

func (l *line) each(_ context.Context, d *Dialect, t text, p params, scan func(*Rows) error) error {
	st, err := l.begin(d, t, &p)
	if err != nil {
		return err
	}
	defer l.end(st)
	for n := 1; ; n++ {
		more, err := st.Step()
		if err != nil {
			return l.cause(err)
		}
		if !more {
			return nil
		}
		if err := scan(&st.rows); err != nil {
			return err
		}
		giveWay(n)
	}
}

// cause classifies an error; of who was broken off it tells why.
func (l *line) cause(err error) error {
	if l.ctx != nil && l.ctx.Err() != nil && sqlite.ErrCode(err).ToPrimary() == sqlite.ResultInterrupt {
		return l.ctx.Err()
	}
	return classifySQLite(err)
}

// begin readies a statement with its parameters.
func (l *line) begin(d *Dialect, t text, p *params) (*statement, error) {
	st, err := l.get(d, t)
	if err != nil {
		return nil, l.cause(err)
	}
	st.busy = true
	st.binds.n, st.binds.octets, st.binds.err = 0, 0, nil
	p.bind(&st.binds)
	err = st.binds.err
	if want := st.BindParamCount(); err == nil && st.binds.n != want {
		err = fmt.Errorf("%d parameters instead of %d", st.binds.n, want)
	}
	if err != nil {
		l.forget(st) // with a mistake that it would tell of when it is run next
		l.end(st)
		return nil, err
	}
	return st, nil
}

// forget has a statement live no longer than it is in use.
func (l *line) forget(st *statement) {
	if st.kept {
		st.kept = false
		l.used.Remove(l.by[st.text])
		delete(l.by, st.text)
	}
}

// end gives a statement back.
func (l *line) end(st *statement) {
	st.busy = false
	if !st.kept {
		_ = st.Finalize() // whatever is wrong with it was told when it ran
		return
	}
	_ = st.Reset()
	if st.binds.octets > heavy {
		_ = st.ClearBindings()
	}
}

// get finds a statement, or prepares it. One whose rows are being read is prepared once more, for this call alone.
func (l *line) get(d *Dialect, t text) (*statement, error) {
	at := l.by[t]
	if at != nil {
		if st := at.Value.(*statement); !st.busy {
			l.used.MoveToFront(at)
			return st, nil
		}
	}
	stmt, rest, err := l.conn.PrepareTransient(t.write(d))
	if err != nil {
		return nil, err
	}
	if rest > 0 {
		return nil, errors.Join(errors.New("more than one statement"), stmt.Finalize())
	}
	st := &statement{Stmt: stmt, text: t, kept: at == nil, rows: Rows{stmt: stmt}, binds: Binds{stmt: stmt}}
	if st.kept {
		l.by[t] = l.used.PushFront(st)
		l.makeRoom()
	}
	return st, nil
}

// makeRoom puts the statement out that was not used for the longest time, if there are too many.
func (l *line) makeRoom() {
	for at := l.used.Back(); at != nil && l.used.Len() > l.most; at = at.Prev() {
		if st := at.Value.(*statement); !st.busy {
			l.forget(st)
			_ = st.Finalize()
			return
		}
	}
}

// close gives everything back; nil has nothing.
func (l *line) close() error {
	if l == nil {
		return nil
	}
	for at := l.used.Front(); at != nil; at = at.Next() {
		_ = at.Value.(*statement).Finalize()
	}
	if err := l.conn.Close(); err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}
