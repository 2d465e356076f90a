package peers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// process is a child with its output in a file.
type process struct {
	cmd  *exec.Cmd
	done chan struct{} // closed when it has ended
	err  error         // of its end, after done

	mu      sync.Mutex
	stopped bool // SIGSTOP was sent
}

// launch starts a program whose output is appended to log.
func launch(log, dir, path string, args ...string) (*process, error) {
	out, err := os.OpenFile(log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	p := &process{cmd: exec.Command(path, args...), done: make(chan struct{})}
	p.cmd.Dir, p.cmd.Stdout, p.cmd.Stderr = dir, out, out
	p.cmd.SysProcAttr = childAttr()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", filepath.Base(path), err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	return p, nil
}

func (p *process) running() bool {
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// stop asks the process to end and insists after ten seconds.
func (p *process) stop() error {
	p.resume()
	if err := signalGroup(p.cmd.Process.Pid, termSignal); err != nil && p.running() {
		return err
	}
	timer := time.NewTimer(10 * time.Second)
	defer timer.Stop()
	select {
	case <-p.done:
		return nil
	case <-timer.C:
		p.kill()
		return errors.New("it did not end by itself")
	}
}

// kill ends the process and its children at once.
func (p *process) kill() {
	_ = signalGroup(p.cmd.Process.Pid, killSignal)
	<-p.done
}

func (p *process) pause() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.stopped = true
	return signalGroup(p.cmd.Process.Pid, pauseSignal)
}

func (p *process) resume() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stopped {
		_ = signalGroup(p.cmd.Process.Pid, resumeSignal)
		p.stopped = false
	}
}

// tail gives the last lines of a log, for error messages.
func tail(file string, lines int) string {
	b, _ := os.ReadFile(file)
	all := strings.Split(strings.TrimRight(string(b), "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}
