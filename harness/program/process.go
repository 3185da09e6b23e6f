package program

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// interruptedWithin is how long a program may take to stop after the measurement was
// interrupted. It is short, because a user who pressed Ctrl-C waits for tunbench to end.
const interruptedWithin = 500 * time.Millisecond

// Namespace is where a process starts: a network namespace.
type Namespace interface {
	// Do runs f on a thread of the namespace, which lives as long as the namespace.
	Do(f func() error) error
}

// process is a program that was started, with all that it starts.
type process struct {
	what    string // for errors: "openvpn on host a"
	output  *Output
	first   *exec.Cmd // of its PID namespace
	control *os.File
	done    chan struct{} // closed when nothing of it runs any more
	flooded chan struct{}

	mu   sync.Mutex // guards told
	told status     // of what the first process has said
}

// searchPath is where programs are looked for: those of system administration, too.
func searchPath() string { return os.Getenv("PATH") + ":/usr/local/sbin:/usr/sbin:/sbin" }

// lookPath finds a program in searchPath.
func lookPath(name string) error {
	if strings.ContainsRune(name, '/') {
		_, err := exec.LookPath(name)
		return err
	}
	for _, dir := range strings.Split(searchPath(), ":") {
		if _, err := exec.LookPath(dir + "/" + name); err == nil && dir != "" {
			return nil
		}
	}
	return exec.ErrNotFound
}

// start starts an order in a namespace and in a folder, and returns when the program
// runs.
func start(what string, ns Namespace, o order, env []string, dir string, output *Output) (*process, error) {
	o.Dir = dir
	text, err := json.Marshal(o)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", what, err)
	}
	p := &process{what: what, output: output, done: make(chan struct{}), flooded: make(chan struct{})}
	output.flooded = func() { close(p.flooded) }
	statusIn, statusOut, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", what, err)
	}
	controlIn, controlOut, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", what, err), statusIn.Close(), statusOut.Close())
	}
	p.control = controlOut
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = []string{initName, string(text)}
	cmd.Env = append(append(os.Environ(), "PATH="+searchPath()), env...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, output, output
	cmd.ExtraFiles = []*os.File{statusOut, controlIn}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Setsid: true,
	}
	cmd.WaitDelay = time.Second
	p.first = cmd
	err = ns.Do(cmd.Start)
	statusOut.Close()
	controlIn.Close()
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start %s: %w", what, err), statusIn.Close(), controlOut.Close())
	}
	started := make(chan struct{})
	go p.listen(statusIn, started)
	<-started
	return p, p.failed()
}

// listen takes what the first process says, until it ends.
func (p *process) listen(in *os.File, started chan struct{}) {
	defer close(p.done)
	defer in.Close()
	lines := bufio.NewScanner(in)
	once := sync.OnceFunc(func() { close(started) })
	defer once()
	for lines.Scan() {
		p.mu.Lock()
		_ = json.Unmarshal(lines.Bytes(), &p.told) // a field that is left out stays
		p.mu.Unlock()
		once()
	}
	_ = p.first.Wait() // how the program ended has been told
}

func (p *process) said() status {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.told
}

// failed is why the program could not be started.
func (p *process) failed() error {
	if s := p.said(); s.Failed != "" {
		p.kill()
		return fmt.Errorf("start %s: %s", p.what, s.Failed)
	}
	return nil
}

// err is why the program should not be measured; nil while it runs as it should.
func (p *process) err() error {
	select {
	case <-p.done:
		return p.ended()
	case <-p.flooded:
		return fmt.Errorf("%s printed more than %d MiB: make it print less, or its output is what is measured; %s", p.what, mostOutput>>20, p.output.Last())
	default:
	}
	if p.said().Ended != "" { // and what it left is about to
		<-p.done
		return p.ended()
	}
	return nil
}

// ended is how the program ended by itself.
func (p *process) ended() error {
	s := p.said()
	switch {
	case s.Ended == "":
		return fmt.Errorf("%s was killed; %s", p.what, p.output.Last())
	case s.Left:
		return fmt.Errorf("%s %s and left other processes behind, as one that forks away does: make it stay in the foreground; %s", p.what, s.Ended, p.output.Last())
	}
	return fmt.Errorf("%s %s; %s", p.what, s.Ended, p.output.Last())
}

// stop tells the program to end and waits for that. One that does not is killed, and
// that is an error. When ctx is done, it gets interruptedWithin at most, and what happens
// then is no error.
func (p *process) stop(ctx context.Context, signal syscall.Signal, within time.Duration) error {
	defer p.kill()
	select {
	case <-p.done:
		return nil // which has been reported
	default:
	}
	if _, err := fmt.Fprintln(p.control, int(signal)); err != nil {
		return nil // it has just ended
	}
	late := time.After(within)
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		select {
		case <-p.done:
		case <-late:
		case <-time.After(interruptedWithin):
		}
		return nil
	case <-late:
		return fmt.Errorf("%s did not end within %v of signal %s and was killed: set stop.signal to one that it obeys, or stop.within to the time it needs; %s", p.what, within, nameOfSignal(signal), p.output.Last())
	}
}

func nameOfSignal(s syscall.Signal) string {
	for name, other := range signals {
		if s == other {
			return name
		}
	}
	return s.String()
}

// kill ends all processes of the program and returns when they have ended.
func (p *process) kill() {
	_ = p.first.Process.Kill() // an error means that it has ended
	<-p.done
	p.control.Close()
}

// pid is that of the first process.
func (p *process) pid() int { return p.first.Process.Pid }

var errUnknownUsage = errors.New("the program does not run")

// usage is what the program has used so far.
func (p *process) usage() (Usage, error) {
	select {
	case <-p.done:
		return Usage{}, fmt.Errorf("read the use of %s: %w", p.what, errUnknownUsage)
	default:
		return usageBelow(p.pid())
	}
}
