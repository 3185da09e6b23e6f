package trial

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"tunbench/bpf"
	"tunbench/harness/load"
	"tunbench/harness/netns"
	"tunbench/harness/worker"
)

// TestHoldSaysWhoDied deletes the device of a trial that takes turns: the hold does not wait
// for readers that are gone.
func TestHoldSaysWhoDied(t *testing.T) {
	needRoot(t)
	s := short()
	b := trialFor(t, s, bpf.None)
	p := &side{session: b.session()}
	b.slice(false)
	defer worker.Quiet(2, 0)()
	ctx := t.Context()
	for _, step := range []Step{Build, Start} {
		if err := p.Do(ctx, step); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.session.release(); err != nil {
		t.Fatal(err)
	}
	if err := b.site.Hosts[0].NS.Delete(b.site.Hosts[0].Link); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := p.session.hold(ctx); err == nil || !strings.Contains(err.Error(), "died") {
		t.Errorf("hold: %v", err)
	}
	if took := time.Since(began); took > 2*time.Second {
		t.Errorf("hold took %v", took)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// busy is a reader that does not end before it may.
type busy struct {
	load.Reader
	thread *worker.Thread
	may    atomic.Bool
	told   atomic.Int32
	closed bool
}

func (r *busy) Thread() *worker.Thread { return r.thread }
func (r *busy) Finish() error          { r.told.Add(1); return nil }
func (r *busy) Close() error           { r.closed = true; return nil }

// TestBusyWorkerKeepsWhatItUses: what a thread may still use is not closed, and the others
// are told to end.
func TestBusyWorkerKeepsWhatItUses(t *testing.T) {
	needRoot(t)
	s := short()
	b := trialFor(t, s, bpf.Tracepoint)
	defer worker.Quiet(3, 0)()
	before := descriptors(t)
	if err := b.build(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.start(t.Context()); err != nil {
		t.Fatal(err)
	}
	device := b.site.Hosts[0]
	reader, err := newBusy()
	if err != nil {
		t.Fatal(err)
	}
	b.readers = append([]load.Reader{reader}, b.readers...)
	err = b.close()
	if err == nil || !strings.Contains(err.Error(), "left as they are: reader 0: still running") {
		t.Errorf("close beside a busy reader: %v", err)
	}
	if strings.Contains(err.Error(), "reader 1") || reader.told.Load() == 0 {
		t.Errorf("told %d times; the other reader, too, is to end: %v", reader.told.Load(), err)
	}
	if n := descriptors(t); reader.closed || n <= before {
		t.Errorf("closed %v, %d descriptors, %d before", reader.closed, n, before)
	}
	if !hasLink(t, device.NS, device.Link) {
		t.Error("the device is gone")
	}

	reader.may.Store(true)
	if err := b.close(); err != nil {
		t.Errorf("close when the reader has ended: %v", err)
	}
	if n := descriptors(t); !reader.closed || n > before {
		t.Errorf("closed %v, %d descriptors, %d before", reader.closed, n, before)
	}
}

func newBusy() (r *busy, err error) {
	r = &busy{}
	r.thread, err = worker.Start(0, func() error {
		for !r.may.Load() {
			time.Sleep(time.Millisecond)
		}
		return nil
	})
	return r, err
}

func hasLink(t *testing.T, ns *netns.NS, name string) bool {
	t.Helper()
	_, err := ns.Device(name)
	return err == nil
}
