package stream

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/harness/call"
	"tunbench/harness/worker"
)

// connected gives two connected sockets as conversations.
func connected(t *testing.T, flow, kind int) (a, b *Conn) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	return &Conn{Flow: flow, fd: fds[0]}, &Conn{Flow: flow, fd: fds[1]}
}

// pair makes two ends that talk on so many conversations.
func pair(t *testing.T, n int, kind int, a, b Config) (first, second *End, control *Control) {
	t.Helper()
	control = new(Control)
	first, second = New(a, control), New(b, control)
	for flow := range n {
		x, y := connected(t, flow, kind)
		first.Add(x)
		second.Add(y)
	}
	t.Cleanup(func() {
		control.Stop.Store(true)
		control.Done.Store(true)
		control.Barrier.Open()
		for _, s := range []*End{first, second} {
			finish(t, s)
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		}
	})
	return first, second, control
}

func finish(t *testing.T, s *End) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); s.Thread() != nil; {
		if err := s.Finish(); err != nil {
			t.Fatal(err)
		}
		select {
		case <-s.Thread().Done():
			return
		case <-time.After(5 * time.Millisecond):
			if time.Now().After(deadline) {
				t.Fatal("an end does not end")
			}
		}
	}
}

func start(t *testing.T, ends ...*End) {
	t.Helper()
	for _, s := range ends {
		if err := s.Start(); err != nil {
			t.Fatal(err)
		}
	}
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); !holds(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s", what)
		}
	}
}

// TestStreams: what is written is read, whether the ends are held or not, and
// nothing is allocated for it.
func TestStreams(t *testing.T) {
	for _, n := range []int{1, 3} {
		sends, receives, control := pair(t, n, unix.SOCK_STREAM, Config{Role: Sends}, Config{Role: Receives})
		start(t, receives, sends)
		await(t, "the first bytes", func() bool { return receives.Progress().Bytes > 1<<20 })
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		calls := sends.Progress().Calls
		await(t, "more calls", func() bool { return sends.Progress().Calls > calls+200 })
		runtime.ReadMemStats(&after)
		if made := sends.Progress().Calls - calls; after.Mallocs-before.Mallocs > made {
			t.Errorf("%d conversations: %d allocations in %d calls", n, after.Mallocs-before.Mallocs, made)
		}

		control.Barrier.Close()
		await(t, "the sender to be held", func() bool { return control.Barrier.Held() == 1 })
		await(t, "the rest", func() bool { return receives.Progress().Bytes == sends.Progress().Bytes })
		held := sends.Progress().Bytes
		time.Sleep(5 * time.Millisecond)
		if now := sends.Progress().Bytes; now != held {
			t.Errorf("a sender that was held sent %d bytes", now-held)
		}
		control.Barrier.Open()
		await(t, "it to go on", func() bool { return sends.Progress().Bytes > held })

		control.Stop.Store(true)
		finish(t, sends)
		await(t, "the rest", func() bool { return receives.Progress().Bytes == sends.Progress().Bytes })
		control.Done.Store(true)
		finish(t, receives)
		if err := errors.Join(sends.Thread().Wait(), receives.Thread().Wait()); err != nil {
			t.Error(err)
		}
	}
}

// TestAnswers: each request has its answer, and its time is taken while that is
// asked for.
func TestAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		n, size, kind int
		udp           bool
	}{
		"a stream":       {1, 12, unix.SOCK_STREAM, false},
		"streams":        {5, 1400, unix.SOCK_STREAM, false},
		"datagrams":      {1, MinSize, unix.SOCK_DGRAM, true},
		"many datagrams": {100, 600, unix.SOCK_DGRAM, true},
	} {
		t.Run(name, func(t *testing.T) {
			config := Config{Size: c.size, UDP: c.udp}
			config.Role = Asks
			answers := config
			answers.Role = Answers
			asks, other, control := pair(t, c.n, c.kind, config, answers)
			start(t, other, asks)
			await(t, "transactions", func() bool { return asks.Progress().Transactions > 50 })
			if asks.Progress().Transactions == 0 || asks.RTT.Count != 0 {
				t.Errorf("%d round trips were timed too early", asks.RTT.Count)
			}
			control.Measured.Begin(worker.Now())
			from := asks.Progress().Transactions
			await(t, "timed transactions", func() bool { return asks.Progress().Transactions > from+50 })
			control.Measured.End(worker.Now())
			control.Stop.Store(true)
			finish(t, asks)
			control.Done.Store(true)
			finish(t, other)
			if err := errors.Join(asks.Thread().Wait(), other.Thread().Wait()); err != nil {
				t.Fatal(err)
			}
			a, b := asks.Progress(), other.Progress()
			if a.Sent != b.Received || b.Sent != a.Received || a.Transactions != a.Received-late(a) || a.Lost != 0 {
				t.Errorf("asked %+v, answered %+v", a, b)
			}
			if asks.RTT.Count == 0 || asks.RTT.Count > a.Transactions-from+uint64(c.n) {
				t.Errorf("%d of %d transactions were timed", asks.RTT.Count, a.Transactions)
			}
		})
	}
}

// late is how many answers came to requests that had been given up.
func late(c Counts) uint64 { return c.Received - c.Transactions }

// TestLostAnswers: a request over UDP that nobody answers is asked again, and
// an answer that comes too late is none.
func TestLostAnswers(t *testing.T) {
	control := new(Control)
	asks := New(Config{Role: Asks, UDP: true, Size: 16}, control)
	here, there := connected(t, 0, unix.SOCK_DGRAM)
	defer there.Close()
	asks.Add(here)
	start(t, asks)
	buf := make([]byte, 64)
	var requests [][]byte
	for range 2 {
		n, err := unix.Read(there.fd, buf)
		if err != nil {
			t.Fatal(err)
		}
		requests = append(requests, slices.Clone(buf[:n]))
	}
	if p := asks.Progress(); p.Transactions != 0 {
		t.Errorf("%+v without an answer", p)
	}
	for _, answer := range requests {
		if _, err := unix.Write(there.fd, answer); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the answer", func() bool { return asks.Progress().Transactions == 1 })
	if p := asks.Progress(); p.Lost != 1 || p.Received != 2 {
		t.Errorf("%+v, want one lost and two received", p)
	}
	control.Stop.Store(true)
	finish(t, asks) // the next request is lost, too
	if _, err := unix.Write(there.fd, requests[0]); err != nil {
		t.Fatal(err)
	}
	if err := asks.Sweep(); err != nil {
		t.Fatal(err)
	}
	if p := asks.Progress(); p.Received != 3 || p.Lost != 2 {
		t.Errorf("%+v, want two lost and three received", p)
	}
	if err := errors.Join(asks.Thread().Wait(), asks.Close()); err != nil {
		t.Error(err)
	}
}

// TestTheOtherSideCloses: that is an error of who reads, and names the flow.
func TestTheOtherSideCloses(t *testing.T) {
	control := new(Control)
	for _, role := range []Role{Receives, Answers, Sends} {
		s := New(Config{Role: role, Size: MinSize}, control)
		a, b := connected(t, 7, unix.SOCK_STREAM)
		s.Add(a)
		if err := b.Close(); err != nil {
			t.Fatal(err)
		}
		start(t, s)
		err := s.Thread().Wait()
		if want := map[bool]error{true: unix.EPIPE, false: errEnd}[role == Sends]; !errors.Is(err, want) {
			t.Errorf("role %d: error %v, want %v", role, err, want)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}

// TestRefused: calls that a kernel refuses are named, with what they were about.
func TestRefused(t *testing.T) {
	nobody := netip.MustParseAddr("198.18.0.77")
	var refused *call.Error
	if _, err := Listen(nobody, 1); !errors.As(err, &refused) || !errors.Is(err, unix.EADDRNOTAVAIL) {
		t.Errorf("listen: %v", err)
	}
	if _, err := Socket(nobody, 3); !errors.As(err, &refused) {
		t.Errorf("socket: %v", err)
	}
	if _, err := Datagrams(nobody, nobody, 3); !errors.As(err, &refused) {
		t.Errorf("datagrams: %v", err)
	}
	a, b := connected(t, 0, unix.SOCK_STREAM)
	defer a.Close()
	defer b.Close()
	if _, err := a.Info(); !errors.As(err, &refused) || !errors.Is(err, unix.EOPNOTSUPP) {
		t.Errorf("what TCP says of a Unix socket: %v", err)
	}
	if err := a.Close(); err != nil || a.Close() != nil {
		t.Errorf("close: %v", err)
	}
}

// Who waits for a connection that does not come stops when that is interrupted, and with an
// error when the time is over.
func TestConnectionsThatDoNotCome(t *testing.T) {
	at := netip.MustParseAddr("127.77.1.9")
	l, err := Listen(at, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	var conns []*Conn
	for flow := range 2 {
		c, err := Socket(at, flow)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		conns = append(conns, c)
	}
	stops := func(name string, after time.Duration, f func(context.Context) error) error {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), after)
		defer cancel()
		begin := time.Now()
		err := f(ctx)
		if took := time.Since(begin); err == nil || took < min(after, connectWithin) || took > min(after, connectWithin)+time.Second {
			t.Errorf("%s took %v: %v", name, took, err)
		}
		return err
	}
	accept := func(ctx context.Context) error { _, err := l.Accept(ctx); return err }
	if err := stops("accept", 100*time.Millisecond, accept); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if err := stops("accept", time.Minute, accept); !errors.Is(err, unix.EAGAIN) {
		t.Error(err)
	}
	// The listener has room for one that it has not accepted, and drops the SYNs of others
	// (sk_acceptq_is_full of include/net/sock.h).
	if err := conns[0].Connect(t.Context(), at); err != nil {
		t.Fatal(err)
	}
	connect := func(ctx context.Context) error { return conns[1].Connect(ctx, at) }
	if err := stops("connect", 100*time.Millisecond, connect); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
	if err := stops("connect", time.Minute, connect); err == nil || err.Error() != "connect flow 1 to 127.77.1.9: no answer within 1.8s" {
		t.Error(err)
	}
	if _, err := l.Accept(t.Context()); err != nil {
		t.Error(err)
	}
	if err := conns[1].Connect(t.Context(), at); err != nil { // its SYN comes again
		t.Error(err)
	}
}
