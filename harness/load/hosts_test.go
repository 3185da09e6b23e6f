package load

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/harness/path"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/reports/record"
)

// entrance is a path whose devices have counted what a test says.
type entrance struct {
	path.Path
	counted [2]uint64
}

func (e *entrance) Entered(host int) (uint64, error) { return e.counted[host], nil }

// TestTakenIsNotLost: a packet that has left the ring and that no counter has yet is on its way.
func TestTakenIsNotLost(t *testing.T) {
	if unix.Geteuid() != 0 {
		t.Skip("needs root")
	}
	s := spec.Default()
	s.Path, s.Dir, s.Loopback = spec.PathWireGuardGo, spec.Both, true
	way := &entrance{Path: path.NewLoopback(s)}
	g := newHosts(s, way, record.Placement{Sender: []int{0, 0}, Reader: []int{0, 0}})
	defer g.Close()
	if _, err := g.Build(t.Context()); err != nil {
		t.Fatal(err)
	}
	control := &traffic.Control{}
	directions, err := g.Open(control, &sink.Control{})
	if err != nil {
		t.Fatal(err)
	}
	var sent [2]uint64
	for i, l := range directions {
		sender := l.Senders[0]
		defer sender.Close()
		defer g.receivers[i][0].Close()
		for range i + 1 {
			if err := sender.Step(control); err != nil {
				t.Fatal(err)
			}
		}
		if sent[i] = sender.Progress().Accepted; sent[i] == 0 {
			t.Fatalf("%s: nothing was sent", l.Dir)
		}
	}
	entered := func() bool {
		ok, err := g.entered()
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	for i := range sent {
		way.counted = sent
		if !entered() {
			t.Errorf("all %v have entered, and more are waited for", sent)
		}
		way.counted[i]--
		if entered() {
			t.Errorf("one of %v has not entered on host %d, and nothing is waited for", sent, i)
		}
	}
	way.counted = [2]uint64{sent[0] + 7, sent[1] + 7}
	if !entered() {
		t.Error("what others send is waited for")
	}
	// Lost before the device: that is for the accounts to tell.
	way.counted = [2]uint64{sent[0] - 1, sent[1]}
	began := time.Now()
	for !entered() {
		if time.Since(began) > 5*time.Second {
			t.Fatal("a packet that never comes is waited for for ever")
		}
		time.Sleep(10 * time.Millisecond)
	}
	if waited := time.Since(began); waited < 500*time.Millisecond {
		t.Errorf("it was waited for %v only", waited)
	}
}
