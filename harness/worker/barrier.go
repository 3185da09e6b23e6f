package worker

import (
	"sync"
	"sync/atomic"
)

// Barrier holds workers back while another trial has their CPUs. Its zero value
// is open.
type Barrier struct {
	closed atomic.Bool
	mu     sync.Mutex // guards held and opened
	held   int
	opened chan struct{} // closed when the barrier opens; nil while it is open
}

// Pass returns at once if the barrier is open, or when it opens: then with the
// time in ns that the worker was held back.
func (g *Barrier) Pass() (heldNs int64) {
	if !g.closed.Load() {
		return 0
	}
	return g.wait()
}

func (g *Barrier) wait() int64 {
	g.mu.Lock()
	opened := g.opened
	if opened == nil {
		g.mu.Unlock()
		return 0
	}
	g.held++
	g.mu.Unlock()
	from := Now()
	<-opened
	return Now() - from
}

// Close makes Pass wait. A worker that is running continues to its next Pass.
func (g *Barrier) Close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened == nil {
		g.opened, g.held = make(chan struct{}), 0
		g.closed.Store(true)
	}
}

// Open lets all workers pass.
func (g *Barrier) Open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.opened != nil {
		g.closed.Store(false)
		close(g.opened)
		g.opened, g.held = nil, 0
	}
}

// Held is how many workers wait.
func (g *Barrier) Held() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.held
}
