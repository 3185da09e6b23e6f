package bpf

import (
	"errors"
	"slices"
	"sync"
)

// spares is how many idle sets of a configuration are kept: a relay has two
// observers at a time.
const spares = 2

// shared are the sets of this process. To load and to attach one takes tens of
// milliseconds, to give it another device takes some microseconds.
var shared = pool{users: map[config]int{}, idle: map[config][]*set{}}

type pool struct {
	mu    sync.Mutex     // guards what follows, all sets and which set an observer has
	users map[config]int // observers that are open
	idle  map[config][]*set
}

// Rest detaches the programs that observers have left attached at Detach, so that
// nothing of them is on the way of a packet. The next Attach attaches them again.
func Rest() error {
	shared.mu.Lock()
	defer shared.mu.Unlock()
	return shared.rest()
}

// rest detaches the programs of idle sets.
func (p *pool) rest() error {
	var errs []error
	for _, list := range p.idle {
		for _, s := range list {
			errs = append(errs, s.rest())
		}
	}
	return errors.Join(errs...)
}

// take returns a set that nobody uses: the one that o used before, if it can be had.
func (p *pool) take(o *Observer) (*set, error) {
	list := p.idle[o.config]
	if len(list) == 0 {
		return load(o.config, o.cpus)
	}
	i := max(0, slices.IndexFunc(list, func(s *set) bool { return s.owner == o }))
	s := list[i]
	p.idle[o.config] = slices.Delete(list, i, i+1)
	return s, nil
}

// give takes back a set that is idle.
func (p *pool) give(s *set) error {
	list := p.idle[s.config]
	if len(list) < spares {
		p.idle[s.config] = append(list, s)
		return nil
	}
	return p.free(s)
}

func (p *pool) free(s *set) error {
	var err error
	if s.owner != nil {
		err = s.owner.settle()
	}
	return errors.Join(err, s.close())
}

func (p *pool) join(c config) { p.users[c]++ }

// leave ends the use of a configuration. The last user frees its sets.
func (p *pool) leave(c config) error {
	if p.users[c]--; p.users[c] > 0 {
		return nil
	}
	var errs []error
	for _, s := range p.idle[c] {
		errs = append(errs, p.free(s))
	}
	delete(p.users, c)
	delete(p.idle, c)
	return errors.Join(errs...)
}
