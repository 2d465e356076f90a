package node

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/headwaterdns/headwater/internal/control/api"
	"github.com/headwaterdns/headwater/internal/dns/server"
	"github.com/headwaterdns/headwater/internal/handover"
	"github.com/headwaterdns/headwater/internal/systemd"
)

// Program is a node for as long as the process lives, and what becomes of it when it is asked to hand over to a new process.
//
// The old node goes on with everything until the new one has to have the store. Where many may have that, it goes on until the new one
// answers; where one may, it gives up whatever needs the store, and answers the DNS from memory. If the new process fails then, another
// node takes the place in this one: it is the program that ran before, and its configuration.
type Program struct {
	cfg     *Config
	log     *slog.Logger
	over    *handover.Handover
	manager *systemd.Manager
	heap    *heap
	node    atomic.Pointer[Node]
	out     io.Writer
}

// Open opens the store and makes the parts of a node; nothing runs and no socket is bound yet. A process that takes another one's place
// tries all that it can before it asks for the store.
func Open(ctx context.Context, c *Config, log *slog.Logger) (*Program, error) {
	over, err := handover.New(handover.Config{Patience: c.HandoverPatience, Names: []string{socketsDNS, socketsTransfer, socketsTLS, socketsHTTP, socketsMetrics}, Log: log})
	if err != nil {
		return nil, fmt.Errorf("hand over: %w", err)
	}
	p := &Program{cfg: new(*c), log: log, over: over, heap: newHeap(), manager: systemd.New(systemd.Config{Successor: over.Succeeds(), Log: log})}
	if err := p.place(p.cfg); err != nil {
		return nil, err
	}
	p.manager.Starting(p.progress)
	n, err := p.open(ctx, over.Claim)
	if err != nil {
		return nil, err
	}
	n.succeed = func(ctx context.Context) error {
		if over.Succeeds() { // or the service manager takes the end of the process before for that of the service
			p.manager.Main()
		}
		if err := over.TakeOver(ctx, !n.store.Shared()); err != nil {
			return err
		}
		if over.Succeeds() {
			log.Info("taken over: the sockets are this process's", "process", os.Getpid())
		}
		return nil
	}
	n.alone(!over.Succeeds())
	p.node.Store(n)
	return p, nil
}

// open opens another node of this program.
func (p *Program) open(ctx context.Context, claim func(context.Context) error) (*Node, error) {
	n, err := open(ctx, new(*p.cfg), p.log, p.over.Sockets(), claim)
	if err != nil {
		return nil, err
	}
	n.manager, n.heap = p.manager, p.heap
	return n, nil
}

// Reload is Node.Reload of whichever node there is, with what read gives.
func (p *Program) Reload(read func() (*Config, error)) error {
	return p.manager.Reload(func() error {
		next, err := read()
		if err != nil {
			return err
		}
		if err := p.place(next); err != nil {
			return err
		}
		return p.node.Load().Reload(next)
	})
}

// place has a configuration listen where the service manager has opened sockets, instead of where it says, for what they are named after.
func (p *Program) place(c *Config) error {
	for _, l := range []struct {
		name string
		many *[]string
		one  *string
	}{
		{name: socketsDNS, many: &c.DNSListen},
		{name: socketsTransfer, many: &c.TransferListen},
		{name: socketsTLS, many: &c.TLSListen},
		{name: socketsHTTP, one: &c.HTTPListen},
		{name: socketsMetrics, one: &c.MetricsListen},
	} {
		switch given := p.over.Given(l.name); {
		case len(given) == 0:
		case l.many != nil:
			*l.many = given
		case len(given) > 1:
			return fmt.Errorf("the service manager gives %d sockets named %s, which can be one: %v", len(given), l.name, given)
		default:
			*l.one = given[0]
		}
	}
	return nil
}

// What sockets of a service manager are called (FileDescriptorName) that stand in for the addresses of a setting.
const (
	socketsDNS      = "dns"
	socketsTransfer = "transfer"
	socketsTLS      = "tls"
	socketsHTTP     = "http"
	socketsMetrics  = "metrics"
)

// progress is how many zones a start has loaded. While the store is opened, and its tables are brought up to date, nobody can tell.
func (p *Program) progress() (uint64, bool) {
	n := p.node.Load()
	if n == nil {
		return 0, false
	}
	return uint64(n.db.Len()), true
}

// committerPatience is how long a group may take that is no fault: other nodes may hold the zones that it waits for.
const committerPatience = 10 * time.Minute

// proofs are what shows that this process lives: its threads take datagrams, the committer comes round, memory can be asked. A store that does
// not answer is no reason to end it: it answers the DNS from memory then, which the next process could not.
func (p *Program) proofs() []systemd.Proof {
	return []systemd.Proof{
		{Name: partDNS, Ask: func(ctx context.Context) error {
			if n := p.node.Load(); n.dns != nil {
				return n.dns.Lives(ctx)
			}
			return nil
		}},
		{Name: partFeed, Ask: func(context.Context) error { p.node.Load().feed.Health(); return nil }},
		{
			Name: partCommitter, Patience: committerPatience,
			Ask: func(ctx context.Context) error {
				if n := p.node.Load(); n.commit != nil {
					return n.commit.Answers(ctx)
				}
				return nil
			},
			Excused: func() bool {
				n := p.node.Load()
				return !n.store.Stats().Unwritable.IsZero() || !n.feed.Health().Failing.IsZero()
			},
		},
	}
}

// Run serves until ctx ends, and ends in order, or hands over to a new process when it is asked to; out is for people.
func (p *Program) Run(ctx context.Context, out io.Writer, asked <-chan os.Signal) error {
	p.out = out
	ctx, stop := p.delayed(ctx)
	defer stop()
	watched, end := context.WithCancel(context.Background())
	defer end()
	go p.manager.Watch(watched, p.proofs()...)
	return p.sequence(p.node.Load()).run(ctx, asked, p.handOver)
}

func (p *Program) sequence(n *Node) *sequence {
	n.out = p.out
	return n.sequence()
}

// delayed ends so long after ctx as others need to see that this node will soon not be there.
func (p *Program) delayed(ctx context.Context) (context.Context, context.CancelFunc) {
	later, end := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		defer end()
		n := p.node.Load()
		if p.cfg.DrainDelay <= 0 || !n.ready.Load() {
			return
		}
		p.log.Info("about to stop: not ready any more", "delay", p.cfg.DrainDelay)
		p.manager.Stopping(p.cfg.DrainDelay + endMost)
		n.stopping.Store(true)
		n.ready.Store(false)
		time.Sleep(p.cfg.DrainDelay)
	})
	return later, func() { stop(); end() }
}

// stays are the parts that need no store. They end with the DNS.
func stays() []string {
	return []string{partDNS, partTally, partMeter, partMemory, partDNSBind, partHTTPBind, partMetrics, partProfiles, partTakeOver, partReady}
}

// handOver has a new process take over from the node of s. It returns the sequence that goes on in this process; none if none does.
func (p *Program) handOver(ctx context.Context, s *sequence) *sequence {
	n, given := p.node.Load(), false
	p.log.Info("handing over: a new process starts")
	next, err := p.pass(ctx, func() {
		p.log.Info("handing over: giving up the store, answering the DNS from memory")
		given, n.leaving = true, true
		s.stop(stays()...)
	})
	switch {
	case err == nil:
		p.manager.Left()
		p.leave(ctx, s, n, next.Left)
		return nil
	case ctx.Err() != nil:
		return s
	}
	p.log.Error("not handed over: this process goes on", "error", err)
	p.manager.Main() // the other one may have said that it is
	if !given {
		return s
	}
	return p.recover(ctx, s, n)
}

// pass starts a new process. The end of this one is the end of that, until it has taken over.
func (p *Program) pass(ctx context.Context, give func()) (*handover.Successor, error) {
	defer context.AfterFunc(ctx, p.over.Stop)()
	return p.over.Pass(give)
}

// leave ends what is left of a node when others serve. Its transfers have their time; left is told when nothing else is answered.
func (p *Program) leave(ctx context.Context, s *sequence, n *Node, left func() error) {
	tell := sync.OnceFunc(func() {
		if err := left(); err != nil {
			p.log.Warn("who takes over does not hear", "error", err)
		}
		p.log.Info("handed over: transfers that are under way go on to their end")
	})
	n.leaving = true
	if n.dns != nil {
		n.dns.Leave(server.Leaving{Transfers: p.cfg.HandoverDrain, Hurry: ctx.Done(), Left: tell})
	}
	s.longer = p.cfg.HandoverDrain
	s.stop()
	tell() // who answers no DNS has nobody else to say it
}

// recoverPause is how long a node without a store waits before it tries again to get one.
const recoverPause = 5 * time.Second

// recover finds somebody for the store that n has given up: another node in this process or, where that cannot have it, once more a
// new process, and so on.
func (p *Program) recover(ctx context.Context, s *sequence, n *Node) *sequence {
	for {
		next, err := p.replace(ctx, s, n)
		if err == nil || ctx.Err() != nil {
			return cmp.Or(next, s)
		}
		p.log.Error("no store: answering the DNS from memory, trying again", "error", err)
		if err := n.strand(ctx, s, p.over.Sockets()); err != nil {
			p.log.Error("nobody answers HTTP", "error", err)
		}
		select {
		case <-ctx.Done():
			return s
		case <-time.After(recoverPause):
		}
		successor, err := p.pass(ctx, func() {})
		if err == nil {
			p.manager.Left()
			p.leave(ctx, s, n, successor.Left)
			return nil
		}
		p.log.Error("not handed over", "error", err)
	}
}

// free is a store that nobody has.
func free(context.Context) error { return nil }

// replace has another node in this process take over from old.
func (p *Program) replace(ctx context.Context, s *sequence, old *Node) (*sequence, error) {
	n, err := p.open(ctx, free)
	if err != nil {
		return nil, err
	}
	over := false
	n.succeed = func(context.Context) error {
		left := make(chan struct{})
		go p.leave(ctx, s, old, func() error { close(left); return nil })
		<-left
		over = true
		return nil
	}
	n.alone(false)
	next := p.sequence(n)
	if err = next.start(ctx); err != nil && !over {
		next.stop()
		return nil, err
	}
	if err != nil { // there is nobody to go back to
		next.broken <- err
	}
	p.node.Store(n)
	return next, nil
}

// takeOver has whoever served before leave.
func (n *Node) takeOver(ctx context.Context) error {
	if err := n.succeed(ctx); err != nil {
		return err
	}
	n.alone(true)
	return nil
}

// alone says whether nobody else serves the same sockets. Who is not alone leaves without shutting them; with a service manager that has
// them, and gives them to whom it starts next, nobody ever is.
func (n *Node) alone(is bool) {
	switch {
	case n.dns == nil:
	case is && !n.sockets.Lent():
		n.dns.Stay()
	default:
		n.dns.Leave(server.Leaving{Transfers: drainBy, Last: is, Left: func() {}})
	}
}

// strand has a node without a store say so to those who ask by HTTP, and refuse everything else.
func (n *Node) strand(ctx context.Context, s *sequence, sockets *handover.Sockets) (err error) {
	if n.stranded.Load() {
		return nil
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", healthz)
	mux.HandleFunc("GET /readyz", n.readyz)
	mux.Handle("/", api.Absent())
	n.sockets = sockets
	if n.web, err = n.front(ctx, n.cfg.HTTPListen, mux, true); err != nil {
		return err
	}
	n.stranded.Store(true)
	n.stopping.Store(false)
	n.ready.Store(true)
	return s.again(ctx, partHTTP)
}
