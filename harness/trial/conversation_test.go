package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"tunbench/bpf"
	"tunbench/harness/packet"
	"tunbench/harness/path"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/worker"
	"tunbench/reports/record"
)

// talking is a short Spec of a conversation over veth.
func talking(gen spec.Gen) spec.Spec {
	s := short()
	s.Measure, s.Window = 250*time.Millisecond, 25*time.Millisecond
	s.Path, s.Gen = spec.PathVeth, gen
	if gen == spec.GenTCP || gen == spec.GenIPerf3 {
		s.Size = 1500
	}
	return s
}

// TestTalk runs each kind of conversation: every packet is accounted for, and
// what is said of it makes sense.
func TestTalk(t *testing.T) {
	needRoot(t)
	for name, c := range map[string]struct {
		gen spec.Gen
		set func(*spec.Spec)
	}{
		"tcp":            {spec.GenTCP, func(*spec.Spec) {}},
		"tcp 8":          {spec.GenTCP, func(s *spec.Spec) { s.Flows, s.Size = 8, 9000 }},
		"tcp ipv6":       {spec.GenTCP, func(s *spec.Spec) { s.Family, s.Flows = 6, 2 }},
		"tcp both":       {spec.GenTCP, func(s *spec.Spec) { s.Dir, s.Flows = spec.Both, 3 }},
		"tcp frames":     {spec.GenTCP, func(s *spec.Spec) { s.Mode = spec.TAP }},
		"tcp 300":        {spec.GenTCP, func(s *spec.Spec) { s.Flows = 300 }},
		"tcp-rr":         {spec.GenTCPRR, func(*spec.Spec) {}},
		"tcp-rr 8":       {spec.GenTCPRR, func(s *spec.Spec) { s.Flows, s.Size = 8, 1400 }},
		"tcp-rr ipv6":    {spec.GenTCPRR, func(s *spec.Spec) { s.Family, s.Size = 6, 80 }},
		"udp-rr":         {spec.GenUDPRR, func(*spec.Spec) {}},
		"udp-rr 8":       {spec.GenUDPRR, func(s *spec.Spec) { s.Flows, s.Size = 8, 1400 }},
		"udp-rr ipv6":    {spec.GenUDPRR, func(s *spec.Spec) { s.Family, s.Size = 6, 80 }},
		"tcp loses":      {spec.GenTCP, func(s *spec.Spec) { s.Path, s.TxQLen, s.Flows = spec.PathRelay, 8, 4 }},
		"tcp relay both": {spec.GenTCP, func(s *spec.Spec) { s.Path, s.Dir, s.Flows, s.Queues = spec.PathRelay, spec.Both, 4, 2 }},
		"tcp relay tso": {spec.GenTCP, func(s *spec.Spec) {
			s.Path, s.VnetHdr, s.Offload, s.Flows, s.Queues = spec.PathRelay, 12, spec.OffloadTSO, 8, 4
		}},
		"tcp-rr relay": {spec.GenTCPRR, func(s *spec.Spec) { s.Path, s.Flows = spec.PathRelay, 2 }},
		"udp-rr relay": {spec.GenUDPRR, func(s *spec.Spec) { s.Path, s.Mode, s.Flows = spec.PathRelay, spec.TAP, 2 }},
	} {
		t.Run(name, func(t *testing.T) {
			s := talking(c.gen)
			c.set(&s)
			trial := run(t, s, bpf.None)
			trial.Arm = record.Bare
			balanced(t, trial)
			conversed(t, s, trial)
		})
	}
}

// conversed holds that the figures of a conversation agree with each other.
func conversed(t *testing.T, s spec.Spec, trial record.Trial) {
	t.Helper()
	m := trial.Metrics
	if m[record.PPS] <= 0 || m[record.BitPerS] <= 8*float64(spec.MinSize6-20)*m[record.PPS] {
		t.Errorf("%v packets/s and %v bit/s", m[record.PPS], m[record.BitPerS])
	}
	if s.Gen == spec.GenTCP {
		if good := m[record.GoodputBitPerS]; good <= 0 || good >= m[record.BitPerS] {
			t.Errorf("goodput %v of %v bit/s", good, m[record.BitPerS])
		}
		streams := s.Flows
		if s.Dir == spec.Both {
			streams *= 2
		}
		if c := trial.TCP; c == nil || c.Streams != streams || c.Bytes == 0 || c.RTTNs == 0 || c.MinRTTNs == 0 || c.Cwnd == 0 || c.Congestion == "" || c.Slowest > 1 {
			t.Errorf("of %d streams it is said: %+v", streams, c)
		}
		if mss := s.Size - s.IPHeader() - 20 - 12; trial.TCP != nil && trial.TCP.MSS != uint64(mss) {
			t.Errorf("mss %d, want %d", trial.TCP.MSS, mss)
		}
		return
	}
	rtt := trial.Latency[record.RTT]
	if m[record.TPS] <= 0 || rtt.Count == 0 || rtt.MinNs < 1000 || rtt.Count > 20 && rtt.P50Ns == nil {
		t.Errorf("%v transactions/s, round trips %+v", m[record.TPS], rtt)
	}
	// Each transaction is two packets, give or take those at the ends of the
	// measured time, or of each slice of it.
	ends := float64(2 * s.Flows * len(trial.Windows))
	lasted := float64(trial.DurationNs) / 1e9
	packets, transactions := m[record.PPS]*lasted, m[record.TPS]*lasted
	if packets < 2*transactions-ends || packets > 2*transactions+ends {
		t.Errorf("%v packets in %v transactions", packets, transactions)
	}
	// Slices are timed from a little before to a little after, and round trips are of those
	// too that were measured again.
	all := transactions * triedPerKept(t, trial)
	if float64(rtt.Count) > 1.5*all+ends {
		t.Errorf("%d round trips of %v transactions", rtt.Count, all)
	}
	want := float64(s.Size * 8)
	if s.Mode == spec.TAP {
		want += 14 * 8
	}
	if got := m[record.BitPerS] / m[record.PPS]; got < want-1 || got > want+1 {
		t.Errorf("%v bits a packet, want %v", got, want)
	}
}

// TestTalkBothWays: each direction has figures of its own, which add up.
func TestTalkBothWays(t *testing.T) {
	needRoot(t)
	s := talking(spec.GenTCP)
	s.Dir, s.Flows = spec.Both, 2
	trial := run(t, s, bpf.None)
	var sum float64
	var accepted uint64
	for _, dir := range []spec.Dir{spec.K2U, spec.U2K} {
		d, ok := trial.Directions[string(dir)]
		if !ok || d.Metrics[record.GoodputBitPerS] == 0 {
			t.Fatalf("%s: %+v", dir, d)
		}
		sum += d.Metrics[record.GoodputBitPerS]
		accepted += d.Accounting.Accepted
	}
	if all := trial.Metrics[record.GoodputBitPerS]; sum < 0.5*all || sum > 2*all {
		t.Errorf("directions sum to %v bit/s, both have %v", sum, all)
	}
	if accepted != trial.Accounting.Accepted {
		t.Errorf("directions sum to %d packets, both have %d", accepted, trial.Accounting.Accepted)
	}
}

// TestTalkFaults: what happens to a device in the middle of a trial ends it
// soon, and is named.
func TestTalkFaults(t *testing.T) {
	needRoot(t)
	const measured = 10 * time.Second
	onLink := func(e path.Host, f func(netlink.Link) error) error {
		return e.NS.Do(func() error {
			l, err := netlink.LinkByName(e.Link)
			if err != nil {
				return err
			}
			return f(l)
		})
	}
	for name, c := range map[string]struct {
		gen  spec.Gen
		harm func([2]path.Host) error
		says string
	}{
		"tcp, relay's link gone": {spec.GenTCP, func(e [2]path.Host) error { return onLink(e[1], netlink.LinkDel) }, "tunbench"},
		"tcp, relay's link down": {spec.GenTCP, func(e [2]path.Host) error { return onLink(e[0], netlink.LinkSetDown) }, "tunbench0"},
		"rr, relay's link gone":  {spec.GenTCPRR, func(e [2]path.Host) error { return onLink(e[0], netlink.LinkDel) }, "tunbench"},
		"tcp, link down":         {spec.GenTCP, func(e [2]path.Host) error { return onLink(e[1], netlink.LinkSetDown) }, "veth"},
		"tcp, link gone":         {spec.GenTCP, func(e [2]path.Host) error { return onLink(e[0], netlink.LinkDel) }, "veth"},
		"tcp-rr, link down":      {spec.GenTCPRR, func(e [2]path.Host) error { return onLink(e[0], netlink.LinkSetDown) }, "veth"},
		"udp-rr, link down":      {spec.GenUDPRR, func(e [2]path.Host) error { return onLink(e[1], netlink.LinkSetDown) }, "veth"},
		"udp-rr, link gone":      {spec.GenUDPRR, func(e [2]path.Host) error { return onLink(e[1], netlink.LinkDel) }, "veth"},
		"iperf3, link down":      {spec.GenIPerf3, func(e [2]path.Host) error { return onLink(e[1], netlink.LinkSetDown) }, "veth"},
		"iperf3, killed": {spec.GenIPerf3, func([2]path.Host) error {
			return exec.Command("pkill", "-KILL", "-P", fmt.Sprint(os.Getpid()), "iperf3").Run()
		}, "iperf3"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.gen == spec.GenIPerf3 {
				needIPerf3(t)
			}
			s := talking(c.gen)
			s.Flows, s.Warmup, s.Measure = 2, 0, measured
			if strings.Contains(name, "relay") {
				s.Path = spec.PathRelay
			}
			rig, err := prepare(s, bpf.None)
			if err != nil {
				t.Fatal(err)
			}
			k := rig.stage.(*conversationTrial)
			restore := worker.Quiet(4, 0)
			defer restore()
			var harmed time.Time
			harmErr := make(chan error, 1)
			_, err = runPhases(context.Background(), begun(rig, func() {
				time.AfterFunc(200*time.Millisecond, func() {
					harmed = time.Now()
					harmErr <- c.harm(k.site.Hosts)
				})
			}))
			if e := <-harmErr; e != nil {
				t.Fatal(e)
			}
			if took := time.Since(harmed); took > 3*time.Second {
				t.Errorf("the trial ended after %v", took)
			}
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("error %v, want one with %q", err, c.says)
			}
			noIPerf3(t)
		})
	}
}

// TestTalkCancelled: nothing is left when a trial is interrupted.
func TestTalkCancelled(t *testing.T) {
	needRoot(t)
	for _, gen := range []spec.Gen{spec.GenTCP, spec.GenTCPRR, spec.GenUDPRR, spec.GenIPerf3} {
		t.Run(string(gen), func(t *testing.T) {
			if gen == spec.GenIPerf3 {
				needIPerf3(t)
			}
			s := talking(gen)
			s.Measure = 10 * time.Second
			ctx, cancel := context.WithTimeout(context.Background(), 200*time.Millisecond)
			defer cancel()
			before := descriptors(t)
			_, err := lab.Run(ctx, s, string(bpf.None), record.Floor{})
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("error %v", err)
			}
			if after := descriptors(t); after > before {
				t.Errorf("%d descriptors, %d before", after, before)
			}
			noIPerf3(t)
		})
	}
}

// triedPerKept is how many windows were measured for each that counts, by the trial's notes.
func triedPerKept(t *testing.T, trial record.Trial) float64 {
	t.Helper()
	for _, note := range trial.Notes {
		var again, tried int
		if n, _ := fmt.Sscanf(note, "%d of %d pairs of windows were measured again", &again, &tried); n == 0 {
			continue
		}
		if again <= 0 || tried <= again {
			t.Fatalf("note %q", note)
		}
		return float64(tried) / float64(tried-again)
	}
	return 1
}

// TestHeldTalkIsSilent: nothing crosses a device while a conversation is held, not even an
// acknowledgement that was delayed; and what was observed in turns is all that crossed it.
func TestHeldTalkIsSilent(t *testing.T) {
	needRoot(t)
	const turns, longest = 8, 100 * time.Millisecond // of a delay in the kernel, 40 ms with few round trips
	for name, set := range map[string]func(*spec.Spec){
		"requests":         func(s *spec.Spec) { s.Gen = spec.GenTCPRR },
		"many requests":    func(s *spec.Spec) { s.Gen, s.Flows = spec.GenTCPRR, 8 },
		"requests, vpn":    func(s *spec.Spec) { s.Gen, s.Path = spec.GenTCPRR, spec.PathVPN },
		"datagrams":        func(s *spec.Spec) { s.Gen = spec.GenUDPRR },
		"streams both":     func(s *spec.Spec) { s.Gen, s.Size, s.Dir, s.Flows = spec.GenTCP, 1500, spec.Both, 4 },
		"streams, a queue": func(s *spec.Spec) { s.Gen, s.Size, s.Qdisc = spec.GenTCP, 1500, "pfifo_fast" },
	} {
		t.Run(name, func(t *testing.T) {
			s := talking(spec.GenTCPRR)
			s.Path = spec.PathRelay
			set(&s)
			session, err := prepare(s, bpf.Tracepoint)
			if err != nil {
				t.Fatal(err)
			}
			session.slice(true)
			k, p := session.stage.(*conversationTrial), &side{session: session, rests: true}
			defer worker.Quiet(8, 0)()
			defer func() {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			}()
			for _, step := range []Step{Build, Start, Look} {
				if err := p.Do(t.Context(), step); err != nil {
					t.Fatal(err)
				}
			}
			crossed := func() (sum uint64) {
				for _, h := range k.site.Hosts {
					c, err := h.NS.Counters(h.Link)
					if err != nil {
						t.Fatal(err)
					}
					sum += c.TxPackets
				}
				return sum
			}
			for turn := range turns {
				if _, err := p.Turn(t.Context()); err != nil {
					t.Fatal(err)
				}
				if err := p.Keep(t.Context(), turn, 0); err != nil {
					t.Fatal(err)
				}
				before := crossed()
				time.Sleep(longest)
				if n := crossed() - before; n > 0 {
					t.Errorf("turn %d: %d packets came while the trial was held", turn, n)
				}
			}
			for _, step := range []Step{Look, Stop} {
				if err := p.Do(t.Context(), step); err != nil {
					t.Fatal(err)
				}
			}
			if err := session.collect(); err != nil {
				t.Fatal(err)
			}
			trial := session.trial(p.seen, record.Floor{}, false)
			if n := trial.Observer.MissedRuns; n > 0 && s.Gen != spec.GenTCP { // whose softirqs eBPF may be kept away from
				t.Errorf("%d runs of the observer are missing: %v", n, trial.Notes)
			}
			if slices.Contains(trial.Flags, record.FlagUnexplained) {
				t.Errorf("%v", trial.Notes)
			}
		})
	}
}

// TestTalkPair measures conversations side by side.
func TestTalkPair(t *testing.T) {
	needRoot(t)
	for _, sides := range [][2]spec.Spec{
		{talking(spec.GenTCP), talking(spec.GenTCP)},
		{talking(spec.GenTCPRR), talking(spec.GenUDPRR)},
	} {
		t.Run(string(sides[0].Gen+" "+sides[1].Gen), func(t *testing.T) {
			sides[0].Flows = 4
			trials, err := lab.RunPair(context.Background(), [2]Variant{{sides[0], "none"}, {sides[1], "none"}}, 1, record.Floor{})
			if err != nil {
				t.Fatal(err)
			}
			for i, trial := range trials {
				trial.Arm = record.Bare
				balanced(t, trial)
				conversed(t, sides[i], trial)
			}
		})
	}
	s := talking(spec.GenIPerf3)
	if _, err := lab.RunPair(context.Background(), [2]Variant{{s, "none"}, {s, "none"}}, 1, record.Floor{}); !errors.Is(err, spec.ErrImpossible) {
		t.Errorf("iperf3 side by side: %v", err)
	}
}

// The rate of gen=iperf3 is that of the program's own result, also where its segments come in
// the packets of a tunnel: those are not counted.
func TestIPerf3Agrees(t *testing.T) {
	needRoot(t)
	needIPerf3(t)
	for name, set := range map[string]func(*spec.Spec){
		"relay":        func(s *spec.Spec) { s.Path = spec.PathRelay },
		"relay, GSO":   func(s *spec.Spec) { s.Path, s.VnetHdr, s.Offload = spec.PathRelay, 10, spec.OffloadTSO },
		"relay, TAP":   func(s *spec.Spec) { s.Path, s.Mode = spec.PathRelay, spec.TAP },
		"vpn":          func(s *spec.Spec) { s.Path = spec.PathVPN },
		"vpn, both":    func(s *spec.Spec) { s.Path, s.Dir = spec.PathVPN, spec.Both },
		"veth":         func(s *spec.Spec) { s.Path = spec.PathVeth },
		"wireguard-go": func(s *spec.Spec) { s.Path = spec.PathWireGuardGo },
		"program":      func(s *spec.Spec) { *s = programmed(t, both("exec FORWARD"), nil) },
	} {
		t.Run(name, func(t *testing.T) {
			s := spec.Default()
			set(&s)
			s.Gen, s.Size, s.Measure, s.Warmup = spec.GenIPerf3, 1400, 2*time.Second, time.Second
			const headers = 20 + 20 + 12
			wire := 1400.0
			if s.Mode == spec.TAP {
				wire += packet.EthernetLen
			}
			var wrong string
			for range 3 { // a busy host may stop iperf3 before its time is over, and not the device
				trial := run(t, s, bpf.None)
				payload := trial.Metrics[record.BitPerS] * (1400 - headers) / wire
				// The devices also received what was sent twice and arrived twice.
				twice := trial.Metrics[record.Retransmits]
				ratio := payload / trial.Metrics[record.GoodputBitPerS]
				if ratio >= 0.9 && ratio <= 1.1+twice {
					t.Logf("%s: ratio %.3f", name, ratio)
					return
				}
				wrong = fmt.Sprintf("the devices received %.0f bit/s of payload, iperf3 says %.0f (ratio %.3f): %v", payload, trial.Metrics[record.GoodputBitPerS], ratio, trial.Metrics)
			}
			t.Error(wrong)
		})
	}
}

// needIPerf3 skips a test of the program, unless it must not be skipped.
func needIPerf3(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("iperf3"); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// noIPerf3 holds that none of our processes is left.
func noIPerf3(t *testing.T) {
	t.Helper()
	out, _ := exec.Command("pgrep", "-P", fmt.Sprint(os.Getpid()), "iperf3").Output()
	if len(out) > 0 {
		t.Errorf("iperf3 is left: %s", out)
	}
}

func TestIPerf3(t *testing.T) {
	needRoot(t)
	needIPerf3(t)
	for name, set := range map[string]func(*spec.Spec){
		"two streams": func(s *spec.Spec) { s.Flows = 2 },
		"both, ipv6":  func(s *spec.Spec) { s.Dir, s.Family = spec.Both, 6 },
	} {
		t.Run(name, func(t *testing.T) {
			s := talking(spec.GenIPerf3)
			s.Warmup = 0
			set(&s)
			trial := run(t, s, bpf.None)
			trial.Arm = record.Bare
			balanced(t, trial)
			m, g := trial.Metrics, trial.Program
			if g == nil || g.Version == "" || !slices.Contains(g.Args, "-J") || g.Figures["sum_received.bits_per_second"] <= 0 {
				t.Fatalf("generator %+v", g)
			}
			// What the program says it received, and what the stacks say, a little
			// earlier.
			if share := m[record.GoodputBitPerS] / m[record.BitPerS]; share < 0.6 || share > 1.4 {
				t.Errorf("goodput %v of %v bit/s", m[record.GoodputBitPerS], m[record.BitPerS])
			}
			if m[record.CPUNsPerPkt] <= 0 || m[record.PPS] <= 0 {
				t.Errorf("metrics %v", m)
			}
			noIPerf3(t)
		})
	}
}

// TestIPerf3Missing: a program that is not there, or will not do, is missing.
func TestIPerf3Missing(t *testing.T) {
	needRoot(t)
	for name, c := range map[string]struct{ script, says string }{
		"not there":  {"", "install iperf3"},
		"too old":    {"echo 'iperf 3.0.7'", "3.1"},
		"other":      {"echo 'no such option'; exit 1", "no such option"},
		"no bidir":   {"echo 'iperf 3.6 (cJSON 1.5.2)'", "3.7"},
		"not a test": {"[ $1 = --version ] && echo 'iperf 3.9' || exit 3", "exit status 3"},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if c.script != "" {
				if err := os.WriteFile(filepath.Join(dir, "iperf3"), []byte("#!/bin/sh\n"+c.script+"\n"), 0o755); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("PATH", dir)
			s := talking(spec.GenIPerf3)
			s.Dir = spec.Both
			_, err := lab.Run(context.Background(), s, string(bpf.None), record.Floor{})
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Fatalf("error %v, want one with %q", err, c.says)
			}
			if reason, _ := refusal.Classify(err); name != "not a test" && reason != record.Missing {
				t.Errorf("reason %s of %v", reason, err)
			}
		})
	}
}
