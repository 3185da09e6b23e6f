package load

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"tunbench/harness/account"
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

// counted is a ledger of a path that has nothing to say.
type counted struct{}

func (counted) Account(*record.Trial)         {}
func (counted) Mismatch(*record.Trial) string { return "" }

// TestThrownAway: what the stack lost explains what is missing and no more, and a wrong checksum
// that a socket counted, too, counts once.
func TestThrownAway(t *testing.T) {
	type counts = map[string]uint64
	const program = "wireguard-go UDP_CSUM"
	for name, c := range map[string]struct {
		path      spec.Path
		delivered uint64 // of 100
		socket    uint64
		stack     counts
		want      counts
		left      int64
	}{
		"nothing":              {spec.PathVPN, 100, 0, counts{}, counts{}, 0},
		"socket":               {spec.PathVPN, 90, 10, counts{}, counts{sink.SocketDrops: 10}, 0},
		"before the socket":    {spec.PathVPN, 88, 10, counts{account.WrongSum: 2}, counts{sink.SocketDrops: 10, account.WrongSum: 2}, 0},
		"by the socket":        {spec.PathVPN, 90, 10, counts{account.WrongSum: 2}, counts{sink.SocketDrops: 8, account.WrongSum: 2}, 0},
		"one of two":           {spec.PathVPN, 89, 10, counts{account.WrongSum: 2}, counts{sink.SocketDrops: 9, account.WrongSum: 2}, 0},
		"others' packets":      {spec.PathVPN, 90, 10, counts{"NO_SOCKET": 7}, counts{sink.SocketDrops: 10}, 0},
		"no socket":            {spec.PathVPN, 97, 0, counts{"NO_SOCKET": 3}, counts{"NO_SOCKET": 3}, 0},
		"not all of it":        {spec.PathVPN, 90, 0, counts{"NO_SOCKET": 3}, counts{"NO_SOCKET": 3}, 7},
		"program":              {spec.PathWireGuardGo, 99, 0, counts{account.WrongSum: 1}, counts{program: 1}, 0},
		"program and a socket": {spec.PathWireGuardGo, 99, 1, counts{account.WrongSum: 1}, counts{program: 1}, 0},
	} {
		l := &Direction{Direction: account.Direction{Dir: spec.K2U, PerSKB: 1}}
		g := &hosts{spec: spec.Spec{Path: c.path}, below: counted{}, directions: []*Direction{l}, overruns: []uint64{c.socket}}
		g.lost[1] = c.stack
		trial := record.Trial{Hops: []record.Hop{{}}}
		trial.Accounting = record.Accounting{Accepted: 100, Delivered: c.delivered, Dropped: counts{}}
		g.Account(&trial)
		if diff := cmp.Diff(c.want, trial.Accounting.Dropped); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
		if left := account.Unexplained(trial.Accounting); left != c.left {
			t.Errorf("%s: %d are unexplained, want %d", name, left, c.left)
		}
		if last := trial.Hops[1]; cmp.Diff(c.want, last.Dropped) != "" {
			t.Errorf("%s: the sockets dropped %v", name, last.Dropped)
		}
	}
}
