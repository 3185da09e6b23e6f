package program

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// mostPrepare is how long a command that prepares may take.
const mostPrepare = 30 * time.Second

// MissingError is a command that this host does not have.
type MissingError struct {
	Program, Command, Install string
}

func (e *MissingError) Error() string {
	text := fmt.Sprintf("program=%s needs %s, which is not installed here", e.Program, e.Command)
	if e.Install != "" {
		text += ": " + e.Install
	}
	return text
}

// Pair is a program on each of two hosts. Its methods are for one goroutine, but for
// Err, Spent and Usage.
type Pair struct {
	File   *File
	Places [2]Place
	spaces [2]Namespace
	dir    string
	ends   [2]*process
	ctx    context.Context // of Start; nil before
}

// New prepares a pair in two namespaces. Of the places, Dir and the names of hosts and
// devices are filled in. What it made is removed by Close, also after an error.
func New(f *File, spaces [2]Namespace, places [2]Place) (p *Pair, err error) {
	p = &Pair{File: f, Places: places, spaces: spaces}
	if err := f.missing(); err != nil {
		return p, err
	}
	if p.dir, err = os.MkdirTemp("", "tunbench-program-"); err != nil {
		return p, fmt.Errorf("make a folder for %s: %w", f.Name, err)
	}
	for i := range p.Places {
		at := &p.Places[i]
		at.Host, at.Peer, at.First, at.DeviceNumber = hosts[i], hosts[1-i], i == 0, i
		at.Dir, at.Here = p.dir, filepath.Dir(f.Path)
		at.Netmask = netmask(at.Address, at.Prefix)
	}
	for i := range p.Places {
		if p.Places[i].Device, err = (renderer{place: p.Places[i]}).text(f.End(i).Device.Name); err != nil {
			return p, fmt.Errorf("program=%s: device.name: %w", f.Name, err)
		}
	}
	p.Places[0].PeerDevice, p.Places[1].PeerDevice = p.Places[1].Device, p.Places[0].Device
	return p, nil
}

// Start runs what prepares, writes the files and starts both programs. When ctx is done, it
// ends early with the error of ctx, and Close gives the programs little time to stop.
func (p *Pair) Start(ctx context.Context) error {
	p.ctx = ctx
	for i, command := range p.File.Prepare {
		list, err := (renderer{place: p.Places[0]}).list(command)
		if err != nil {
			return fmt.Errorf("program=%s: prepare[%d]: %w", p.File.Name, i, err)
		}
		if err := p.prepare(ctx, list); err != nil {
			return err
		}
	}
	for i := range p.ends {
		if err := errors.Join(ctx.Err(), p.write(i)); err != nil {
			return err
		}
	}
	for i := range p.ends {
		if err := p.start(i); err != nil {
			return err
		}
	}
	return nil
}

// prepare runs a command to its end.
func (p *Pair) prepare(ctx context.Context, command []string) error {
	output := &Output{}
	c, err := start(fmt.Sprintf("%s of program=%s", strings.Join(command, " "), p.File.Name), p.spaces[0], order{Command: command}, nil, p.dir, output)
	if err != nil {
		return err
	}
	defer c.kill()
	select {
	case <-c.done:
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(mostPrepare):
		return fmt.Errorf("%s has not ended within %v; %s", c.what, mostPrepare, output.Last())
	}
	if !c.said().Clean {
		return c.ended()
	}
	return nil
}

// write writes the files of an end.
func (p *Pair) write(host int) error {
	e, r := p.File.End(host), renderer{place: p.Places[host]}
	for _, name := range slices.Sorted(maps.Keys(e.Files)) {
		text, err := r.text(e.Files[name])
		if err != nil {
			return fmt.Errorf("program=%s: files.%s: %w", p.File.Name, name, err)
		}
		if name, err = r.text(name); err != nil {
			return fmt.Errorf("program=%s: files: %w", p.File.Name, err)
		}
		file := filepath.Join(p.dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			return fmt.Errorf("program=%s: write %s: %w", p.File.Name, name, err)
		}
		mode := os.FileMode(0o600)
		if strings.HasPrefix(text, "#!") {
			mode = 0o700
		}
		if err := os.WriteFile(file, []byte(text), mode); err != nil {
			return fmt.Errorf("program=%s: write %s: %w", p.File.Name, name, err)
		}
	}
	return nil
}

func (p *Pair) start(host int) error {
	e := p.File.End(host)
	r, err := (renderer{place: p.Places[host]}).end(e)
	if err != nil {
		return fmt.Errorf("program=%s: %w", p.File.Name, err)
	}
	o := order{Command: r.command, After: r.after, Private: e.Private}
	p.ends[host], err = start(fmt.Sprintf("program=%s on host %s", p.File.Name, hosts[host]), p.spaces[host], o, r.env, p.dir, &Output{awaited: e.Ready.Matches()})
	return err
}

// Err is why the pair should not be measured: a program has ended, or floods its
// output. It is nil while both run as they should.
func (p *Pair) Err() error {
	for _, end := range p.ends {
		if end == nil {
			continue
		}
		if err := end.err(); err != nil {
			return err
		}
	}
	return nil
}

// Ready reports whether the program of a host has printed the line that its file waits
// for, and whether the commands have succeeded that run beside it. If not, it says what
// is missing.
func (p *Pair) Ready(host int) (ok bool, missing string) {
	end := p.ends[host]
	switch s := end.said(); {
	case !end.output.Matched():
		return false, fmt.Sprintf("no line of its output matches %q", p.File.End(host).Ready.Line)
	case !s.AfterDone && s.Waiting != "":
		return false, s.Waiting
	case !s.AfterDone:
		return false, "the commands of `after` still run"
	}
	return true, ""
}

// NotReady is the error of a program that has not become ready in time.
func (p *Pair) NotReady(host int, missing string) error {
	e := p.File.End(host)
	return fmt.Errorf("program=%s on host %s was not ready within %v: %s; see that it can start without input, or raise ready.within; %s", p.File.Name, hosts[host], e.Ready.Within, missing, p.ends[host].output.Last())
}

// Queues is how many queues of its device the program of a host holds, and Devices
// which devices it holds.
func (p *Pair) Queues(host int) (queues int, devices []string) {
	return held(p.ends[host].pid(), p.Places[host].Device)
}

// Usage is what the program of a host has used so far.
func (p *Pair) Usage(host int) (Usage, error) {
	end := p.ends[host]
	if end == nil { // it was not started, or is closed
		return Usage{}, errUnknownUsage
	}
	return end.usage()
}

// Spent is the CPU time of both in ns.
func (p *Pair) Spent() (sum int64, err error) {
	for host := range p.ends {
		u, err := p.Usage(host)
		if err != nil {
			return 0, err
		}
		sum += u.CPUNs
	}
	return sum, nil
}

// Close ends both programs and removes their folder. It is an error if one had to be
// killed.
func (p *Pair) Close() error {
	var errs [2]error
	done := make(chan struct{})
	for host, end := range p.ends {
		go func() {
			if end != nil {
				e := p.File.End(host)
				errs[host] = end.stop(p.ctx, syscall.Signal(signals[e.Stop.Signal]), e.Stop.Within)
			}
			done <- struct{}{}
		}()
	}
	for range p.ends {
		<-done
	}
	p.ends = [2]*process{}
	err := errors.Join(errs[:]...)
	if p.dir != "" {
		err = errors.Join(err, os.RemoveAll(p.dir))
		p.dir = ""
	}
	return err
}
