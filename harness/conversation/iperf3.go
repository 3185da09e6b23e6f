package conversation

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"tunbench/harness/account"
	"tunbench/harness/iperf"
	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/path"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/stream"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

const (
	// iperfStarts is how long server and client may take to find each other.
	iperfStarts = 2 * time.Second
	// iperfEnds is how long the client may take to say what it found.
	iperfEnds = 5 * time.Second
	// iperfBegun is how many bytes have come when streams flow: more than the client and
	// the server need to agree on a test.
	iperfBegun = 100_000
	// iperfAhead is by how much the measured time begins before the program's
	// own, so that it ends before, too.
	iperfAhead = 50 * time.Millisecond
	// iperfTrips is in how many round trips of its link the program agrees on a test, and on
	// its result; each stream takes one more to connect.
	iperfTrips = 10
	// iperfRises is in how many round trips so much has come that streams are seen to flow,
	// from windows of ten segments on, each twice the one before.
	iperfRises = 6
)

// IPerf3 is the conversation of gen=iperf3: the program itself, as server and as
// client. It says how much payload was sent and received, but not when, nor in which
// packets. What came is what the devices of the hosts counted, which carry nothing else:
// the IP counters of a host also count the packets of a tunnel in which its segments come.
// What was sent is what TCP counted on the hosts. Segments that were sent again are
// accounted for as is said of streams.
type IPerf3 struct {
	spec      spec.Spec
	placement record.Placement
	found     *iperf.Program
	test      iperf.Test

	ends           [2]path.Host
	server, client *iperf.Process
	result         *iperf.Result
	arrived        [2]netns.Counters // of the devices, when the client started
	base, last     [2]netns.TCP      // of the stacks, then, and at the end
	begin          [2]netns.TCP      // when the measured time began
	disorder       uint64
	out, again     uint64 // segments of the measured time
}

// NewIPerf3 finds iperf3, and plans a test: s is returned with the times that come of it.
func NewIPerf3(s spec.Spec, p record.Placement) (*IPerf3, spec.Spec, error) {
	test, planned := planOf(s)
	k := &IPerf3{spec: s, placement: p, test: test}
	var err error
	if k.found, err = iperf.Find(); err == nil {
		err = k.found.Can(k.test)
	}
	if missing := new(iperf.MissingError); errors.As(err, &missing) {
		return nil, s, &refusal.Missing{Detail: missing.Detail}
	}
	if err != nil {
		return nil, s, err
	}
	return k, planned, nil
}

// planOf is the test for s, of whole seconds, as the program knows no others, and s with its
// times. Streams are seen to flow some round trips after the program's time has begun.
func planOf(s spec.Spec) (iperf.Test, spec.Spec) {
	whole := func(d time.Duration) int { return int(math.Ceil(d.Seconds())) }
	seen := iperfRises * s.RoundTrip()
	test := iperf.Test{
		Streams: s.Flows, Seconds: whole(s.Measure), Omit: max(1, whole(s.Warmup+seen)), Both: s.Dir == spec.Both,
	}
	s.Measure = time.Duration(test.Seconds) * time.Second
	s.Warmup = time.Duration(test.Omit)*time.Second - iperfAhead - seen
	return test, s
}

// within is how long server and client may take for what takes so long without a link that
// delays packets, or loses some.
func within(s spec.Spec, least time.Duration) time.Duration {
	streams := s.Flows
	if s.Dir == spec.Both {
		streams *= 2
	}
	return least + time.Duration(streams+iperfTrips)*s.RoundTrip() + lateOf(s)
}

// Open starts the server.
func (k *IPerf3) Open(ctx context.Context, ends [2]path.Host) error {
	k.ends, k.test.To = ends, ends[1].Addr
	if err := ends[1].NS.Do(func() (err error) {
		k.server, err = k.found.Serve(ends[1].Addr, k.cpus(k.placement.Reader))
		return err
	}); err != nil {
		return err
	}
	return k.await(ctx, "listen", k.server, func() (ok bool, err error) {
		err = ends[1].NS.Do(func() (err error) {
			ok, err = iperf.Listening()
			return err
		})
		return ok, err
	})
}

func (k *IPerf3) cpus(of []int) []int { return slices.Compact(slices.Sorted(slices.Values(of))) }

// await looks again and again until a process has done what it is to do.
func (k *IPerf3) await(ctx context.Context, what string, p *iperf.Process, holds func() (bool, error)) error {
	const look = time.Millisecond
	limit := within(k.spec, iperfStarts)
	for deadline := worker.Now() + int64(limit); ; time.Sleep(look) {
		ok, err := holds()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-p.Done():
			if p == k.client {
				_, err = p.Result()
			} else {
				err = p.Err()
			}
			if err == nil {
				err = errors.New("it has ended")
			}
			return fmt.Errorf("wait for iperf3 to %s: %w", what, err)
		default:
		}
		if worker.Now() > deadline {
			return fmt.Errorf("wait for iperf3 to %s: it has not within %v", what, limit)
		}
	}
}

// Start returns when the streams flow, so that the warm-up is that of the
// program.
func (k *IPerf3) Start(ctx context.Context, _ func(string, *worker.Thread), ended func(error)) error {
	if err := k.look(&k.base); err != nil {
		return err
	}
	for i := range k.ends {
		if err := k.received(i, &k.arrived[i]); err != nil {
			return err
		}
	}
	err := k.ends[0].NS.Do(func() (err error) {
		k.client, err = k.found.Client(k.test, k.cpus(k.placement.Sender))
		return err
	})
	if err != nil {
		return err
	}
	err = k.await(ctx, "send", k.client, func() (bool, error) {
		var now netns.Counters
		err := k.received(1, &now)
		return now.RxBytes-k.arrived[1].RxBytes > iperfBegun, err
	})
	if err != nil {
		return err
	}
	go func() {
		_, err := k.client.Result()
		ended(err)
	}()
	return nil
}

// received reads what the device of a host has received.
func (k *IPerf3) received(host int, into *netns.Counters) (err error) {
	*into, err = k.ends[host].NS.Counters(k.ends[host].Link)
	return err
}

// look reads the counters of both stacks.
func (k *IPerf3) look(into *[2]netns.TCP) (err error) {
	for i, e := range k.ends {
		if into[i], err = e.NS.TCP(); err != nil {
			return err
		}
	}
	return nil
}

// Hold is not for a program, which has its own time: RunPair refuses it.
func (k *IPerf3) Hold(bool) {}

// Quiet reports whether the client has ended; the last thing it sends is the result.
func (k *IPerf3) Quiet() (bool, error) { return isDone(k.client), nil }

func isDone(p *iperf.Process) bool {
	select {
	case <-p.Done():
		return true
	default:
		return false
	}
}

// Measure reads the counters of both stacks when the measured time begins and when it
// ends.
func (k *IPerf3) Measure(on bool) error {
	var now [2]netns.TCP
	if err := k.look(&now); err != nil {
		return err
	}
	if on {
		k.begin = now
		return nil
	}
	for i := range now {
		k.disorder += now[i].OutOfOrder - k.begin[i].OutOfOrder
		k.out += now[i].Out - k.begin[i].Out
		k.again += now[i].Again - k.begin[i].Again
	}
	return nil
}

// headers is the length of those of a segment: the program leaves the kernel's
// default, by which each has a timestamp.
func (k *IPerf3) headers() uint64 {
	return uint64(k.spec.IPHeader() + tcpHeaderLen + stream.TimestampsLen)
}

// Sample reckons packets from payload, as many full segments as it fits into:
// where GSO packets arrive, their number says little. Acknowledgements have
// none.
func (k *IPerf3) Sample(s *account.Sample) error {
	*s = account.Sample{At: worker.Now()}
	frame := uint64(0) // Ethernet's, which counts as received
	if k.spec.Mode == spec.TAP {
		frame = packet.EthernetLen
	}
	counted := frame
	if k.spec.Path == spec.PathVeth {
		counted = packet.EthernetLen
	}
	mss := uint64(k.spec.Size) - k.headers()
	for i := range k.ends {
		if i == 0 && k.spec.Dir != spec.Both {
			continue
		}
		var now netns.Counters
		if err := k.received(i, &now); err != nil {
			return err
		}
		n := int64(now.RxBytes-k.arrived[i].RxBytes) - int64(now.RxPackets-k.arrived[i].RxPackets)*int64(k.headers()+counted)
		payload := uint64(max(0, n))
		segments := (payload + mss - 1) / mss
		s.Payload += payload
		s.Delivered += segments
		s.WireBytes += payload + segments*(k.headers()+frame)
	}
	return nil
}

// CPUTime is the CPU time in ns of both processes; -1 if one has ended.
func (k *IPerf3) CPUTime() (client, server int64) {
	of := func(p *iperf.Process) int64 {
		ns, err := p.CPUTime()
		if err != nil {
			return -1
		}
		return ns
	}
	return of(k.client), of(k.server)
}

// Heard is how many bytes the second host has received.
func (k *IPerf3) Heard() uint64 {
	if k.client == nil {
		return 0
	}
	var now netns.Counters
	if err := k.received(1, &now); err != nil {
		return 0
	}
	return now.RxBytes
}

// Stop waits for the client, who knows itself when to end.
func (k *IPerf3) Stop(ctx context.Context) error {
	select {
	case <-k.client.Done():
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(within(k.spec, iperfEnds)):
		return fmt.Errorf("wait for iperf3 to end: it has not %v after its time", within(k.spec, iperfEnds))
	}
	return nil
}

// Settled reports whether the server has ended.
func (k *IPerf3) Settled() (bool, error) { return isDone(k.server), nil }

// Finish reads the result and the counters for the last time.
func (k *IPerf3) Finish() (err error) {
	if k.result, err = k.client.Result(); err != nil {
		return err
	}
	if err := k.server.Err(); err != nil {
		return err
	}
	return k.look(&k.last)
}

// Fill adds the program's figures and the accounts to the record.
func (k *IPerf3) Fill(t *record.Trial) {
	t.Program = &record.Generator{Name: "iperf3", Version: k.found.Version, Args: k.client.Args, Figures: k.result.Figures()}
	goodput := k.result.Received.BitsPerSecond
	if back := k.result.ReceivedBack; back != nil {
		goodput += back.BitsPerSecond
	}
	t.Metrics[record.GoodputBitPerS] = goodput
	if all := k.out + k.again; all > 0 {
		t.Metrics[record.Retransmits] = float64(k.again) / float64(all)
	}
	a := &t.Accounting
	a.Dropped = map[string]uint64{}
	for i := range k.last {
		again := k.last[i].Again - k.base[i].Again
		a.Delivered += k.last[i].Out - k.base[i].Out
		a.Accepted += k.last[i].Out - k.base[i].Out + again
		if again > 0 {
			a.Dropped[record.SentAgain] += again
		}
	}
}

// Mismatch has nothing to compare: the stacks counted what was sent by TCP, and
// not the answers to SYNs.
func (k *IPerf3) Mismatch(*record.Trial) string { return "" }

// Close kills both processes.
func (k *IPerf3) Close() error {
	for _, p := range []*iperf.Process{k.client, k.server} {
		if p != nil {
			p.Kill()
		}
	}
	return nil
}
