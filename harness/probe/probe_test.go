package probe

import (
	"net/netip"
	"testing"
	"time"

	"tunbench/harness/worker"
)

// loopback are two addresses of this host.
func loopback(t *testing.T) *Probe {
	t.Helper()
	here := func(f func() error) error { return f() }
	p, err := Open([2]Host{
		{Addr: netip.MustParseAddr("127.3.0.1"), Do: here}, {Addr: netip.MustParseAddr("127.3.0.2"), Do: here},
	}, 36, 1)
	if err != nil {
		t.Skipf("needs port %d of the loopback device: %v", Port, err)
	}
	if err := p.Start(func(string, *worker.Thread) {}); err != nil {
		t.Fatal(err)
	}
	return p
}

// rest waits until all is answered.
func rest(t *testing.T, p *Probe) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		ok, err := p.Resting()
		if err != nil {
			t.Fatal(err)
		}
		if c := p.Counts(); ok && c.Requests == c.Received {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("it does not come to rest: %+v", p.Counts())
		}
	}
}

// Each phase has its round trips, and the silent one none.
func TestPhases(t *testing.T) {
	p := loopback(t)
	rest(t, p)
	if c := p.Counts(); c != (Counts{}) {
		t.Errorf("before the first phase: %+v", c)
	}
	const lasts = 200 * time.Millisecond
	var asked [4]uint64
	for i, phase := range []Phase{Idle, Beside, Load, Silent} {
		before := p.Counts().Requests
		if err := p.Enter(phase); err != nil {
			t.Fatal(err)
		}
		time.Sleep(lasts)
		if err := p.Enter(Silent); err != nil {
			t.Fatal(err)
		}
		rest(t, p)
		asked[i] = p.Counts().Requests - before
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	idle, load := p.RoundTrips()
	if idle.Count != asked[0] || load.Count != asked[2] || asked[1] == 0 || asked[3] != 0 {
		t.Errorf("asked %v, round trips: %d idle, %d under load", asked, idle.Count, load.Count)
	}
	// A host that is busy makes fewer, and none makes many more.
	for i, every := range []time.Duration{Every, EveryBeside, EveryBeside} {
		if due := uint64(lasts / every); asked[i] < due/10 || asked[i] > due+due/2 {
			t.Errorf("phase %d: %d requests in %v, %d are due", i, asked[i], lasts, due)
		}
	}
	if c := p.Counts(); c.Requests != c.Arrived || c.Arrived != c.Answers || c.Answers != c.Received || c.Refused != 0 {
		t.Errorf("%+v", c)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}

// A probe that was not asked for does nothing, and one that was never started ends.
func TestNoProbe(t *testing.T) {
	var none *Probe
	ok, err := none.Resting()
	if !ok || err != nil || none.Start(nil) != nil || none.Enter(Load) != nil || none.Stop() != nil || none.Close() != nil {
		t.Error("it does something")
	}
	here := func(f func() error) error { return f() }
	p, err := Open([2]Host{{Addr: netip.MustParseAddr("127.3.0.3"), Do: here}, {Addr: netip.MustParseAddr("127.3.0.4"), Do: here}}, 1, 1)
	if err != nil {
		t.Skip(err)
	}
	if p.size != Stamp {
		t.Errorf("requests of %d bytes", p.size)
	}
	if err := p.Stop(); err != nil {
		t.Error(err)
	}
	if err := p.Close(); err != nil {
		t.Error(err)
	}
}
