package export

import (
	"fmt"
	"math/bits"
	"math/rand/v2"
	"strconv"
	"strings"

	"tunbench/reports/record"
)

// synthetic is a run as the default suite makes it, with everything that can
// go wrong in it.
func synthetic() *record.File {
	rng := rand.New(rand.NewPCG(1, 2))
	f := &record.File{
		Run: &record.Run{
			Kind: record.KindRun, Schema: 1, ID: "01JD3", Started: "2026-11-20T22:51:07Z",
			Tool: record.Tool{Version: "v0.1.0", Commit: "0123abc", Go: "go1.26.8"}, Clock: "monotonic", Suite: "default", Seed: 42,
			Args: []string{"run", "--suite", "default", "--cpus", "0-1"},
			Host: record.Host{
				Kernel: "6.18.0", KernelVersion: "#1 SMP PREEMPT_DYNAMIC Mon Nov 10 10:00:00 UTC 2026", Arch: "x86_64",
				CPU: "AMD EPYC 7763 64-Core Processor", CPUs: 2, SMT: "on", Virt: "kvm", Clocksource: "kvm-clock",
				Cmdline: "console=ttyS0 root=/dev/vda1 quiet `x` a|b", MemoryBytes: 8 << 30,
				Mitigations: map[string]string{"spectre_v2": "Mitigation: Retpolines; IBPB: conditional", "meltdown": "Not affected"},
				Config:      map[string]string{"CONFIG_TUN": "y", "CONFIG_KPROBES": "n", "CONFIG_PREEMPT_DYNAMIC": "y"},
				Sysctl:      map[string]string{"net.core.wmem_max": "212992", "kernel.bpf_stats_enabled": "0"},
			},
			Hook: record.Hook{
				Requested: "auto", Used: "tracepoint",
				PassedOver: []record.PassedOver{
					{Hook: "kprobe", Reason: "kprobes are not compiled into this kernel (CONFIG_KPROBES)"},
					{Hook: "fentry", Reason: "load tunobs_fentry_xmit: operation not permitted"},
				},
				Programs: []record.Program{
					{Name: "tp_start_xmit", Kind: "tracepoint", Target: "net_dev_start_xmit"},
					{Name: "tp_copy", Kind: "tracepoint", Target: "skb_copy_datagram_iovec"},
				},
			},
			Floor: record.Floor{SyscallNs: 86.2, CopyNs: map[string]float64{"64": 30.1, "1500": 58.7, "65536": 1200}},
		},
	}
	type kind struct {
		mode           string
		queues         int
		size           int
		vnet           int
		offload        string
		flows          int
		pps, loss, p50 float64
	}
	kinds := []kind{
		{"Tun", 1, 64, 0, "", 1, 1.27e6, 0, 380e3},
		{"Tun", 1, 1500, 0, "", 1, 0.84e6, 0.021, 590e3},
		{"Tun", 1, 1500, 10, "uso", 1, 4.9e6, 0, 900e3},
		{"Tun", 2, 64, 0, "", 16, 1.11e6, 0.41, 44e3},
		{"Tun", 2, 1500, 10, "uso", 16, 6.3e6, 0.00004, 700e3},
		{"Tun", 4, 64, 0, "", 64, 0.71e6, 0.62, 1.3e6},
		{"Tap", 1, 64, 0, "", 1, 1.18e6, 0, 410e3},
		{"Tap", 1, 1500, 10, "", 1, 0.79e6, 0.012, 610e3},
		{"Tap", 4, 1500, 10, "uso", 64, 5.2e6, 0.08, 2.1e6},
		{"Tap", 16, 64, 0, "", 256, 0.44e6, 0.5, 9e6},
	}
	n := 0
	for _, k := range kinds {
		name := fmt.Sprintf("%s/dir=k2u/gen=udp/queues=%d", k.mode, k.queues)
		axes := map[string]string{"mode": strings.ToLower(k.mode), "dir": "k2u", "gen": "udp", "queues": strconv.Itoa(k.queues), "load": "max"}
		if k.flows > 1 {
			name += fmt.Sprintf("/flows=%d", k.flows)
		}
		name += fmt.Sprintf("/size=%d", k.size)
		if k.vnet > 0 {
			name += fmt.Sprintf("/vnet=%d", k.vnet)
		}
		if k.offload != "" {
			name += "/offload=" + k.offload
		}
		for pair := 1; pair <= 5; pair++ {
			for _, arm := range []record.Arm{record.Bare, record.Observed} {
				n++
				pps := k.pps * (1 + 0.03*rng.NormFloat64())
				if arm == record.Observed {
					pps *= 0.962
				}
				f.Trials = append(f.Trials, trial(rng, name, axes, arm, pair, n, pps, k.loss, k.p50, k.queues, k.flows, k.size, k.offload))
			}
		}
	}
	mark := func(i int, note string, flags ...string) {
		f.Trials[i].Flags = append(f.Trials[i].Flags, flags...)
		f.Trials[i].Notes = append(f.Trials[i].Notes, note)
	}
	mark(0, "windows from 1,101,000 to 1,290,000 packets/s", record.FlagUnsteady)
	mark(3, "1.7 % of the CPU time was stolen", record.FlagSteal)
	for i := 0; i < 10; i += 2 {
		mark(10+i, "the generator was idle 0.1 % of the time", record.FlagGeneratorLimited)
	}
	for i := 90; i < 100; i++ {
		mark(i, "32 workers on 2 CPUs", record.FlagOversubscribed)
	}
	mark(99, hostile, "flag-of-tomorrow")
	f.Trials[41].Accounting.Unexplained = -3
	f.Trials[41].Accounting.Delivered += 3
	mark(41, "3 packets more were delivered than were sent", record.FlagUnexplained)

	f.Skips = []record.Skip{
		{Kind: record.KindSkip, Scenario: "Tun/dir=k2u/gen=udp/queues=1/size=1500/vnet=24/offload=tunnel", Reason: record.Unsupported, Detail: "TUNSETOFFLOAD(0x1ff): EINVAL"},
		{Kind: record.KindSkip, Scenario: "Tap/dir=k2u/gen=udp/queues=8/size=64/io=spin", Reason: record.Missing, Detail: "16 spinning workers need 16 CPUs, 2 are online"},
		{Kind: record.KindSkip, Scenario: hostile, Reason: hostile, Detail: hostile},
	}
	f.End = &record.End{Kind: record.KindEnd, Ended: "2026-11-20T22:54:55Z", Scenarios: 13, Trials: len(f.Trials), Skips: len(f.Skips)}
	return f
}

func trial(rng *rand.Rand, name string, axes map[string]string, arm record.Arm, pair, n int, pps, loss, p50 float64, queues, flows, size int, offload string) record.Trial {
	const seconds = 1
	delivered := uint64(pps * seconds * 1.25)
	dropped := uint64(float64(delivered) * loss / (1 - loss))
	t := record.Trial{
		Kind: record.KindTrial, Scenario: name, Axes: axes, Arm: arm, Pair: pair, Trial: n, Started: "2026-11-20T22:51:09Z", DurationNs: seconds * 1e9,
		Metrics: map[string]float64{
			record.PPS: pps, record.BitPerS: 8 * pps * float64(size), record.Loss: float64(dropped) / float64(delivered+dropped),
			record.CPUNsPerPkt: 2e9 / pps, record.SendNsPerPkt: 0.9e9 / pps, record.RecvNsPerPkt: 0.4e9 / pps,
			record.SyscallsPerPkt: 1 + 1.0/64, record.FloorRatio: max(1, 0.4e9/pps/116), record.OfferedPPS: pps / (1 - loss), record.Steal: 0.001,
		},
		Latency:    map[string]record.Latency{record.E2E: spreadOf(rng, p50, 4000)},
		Accounting: record.Accounting{Offered: delivered + dropped + 12, PushedBack: 12, Accepted: delivered + dropped, Dropped: map[string]uint64{record.TxDropped: dropped}, Delivered: delivered},
		Device:     record.Device{Name: "tun0", Flags: []string{"IFF_TUN", "IFF_NO_PI"}, Offloads: []string{}, Qdisc: "noqueue", TxQLen: 500, MTU: 1500},
		CPUs:       record.Placement{Sender: []int{0}, Reader: []int{1}},
	}
	if offload != "" {
		t.Metrics[record.SKBPS] = pps / 44
		t.Metrics[record.FloorRatio] = max(1, 0.4e9/pps/29.2) // a system call and a copy of 64 KiB, for 44 segments
		t.Device.Offloads = []string{"tx-checksum-ip-generic", "tx-udp-segmentation"}
		t.Device.VnetHdrSz = 10
	}
	if arm == record.Observed {
		t.Accounting.Dropped = map[string]uint64{"FULL_RING": dropped}
		if pair == 2 && dropped > 9 {
			t.Accounting.Dropped = map[string]uint64{"FULL_RING": dropped - 9, "TAP_FILTER": 9}
		}
		t.Observer = &record.Observer{Hook: "tracepoint", MemoryBytes: 3 << 20}
		t.Latency[record.Residency] = spreadOf(rng, p50*0.9, 4000)
		left := delivered
		for q := range queues {
			got := delivered / uint64(queues) * uint64(80+rng.IntN(40)) / 100
			if queues == 4 && q == 2 {
				got /= 6
			}
			if q == queues-1 {
				got = left
			}
			got = min(got, left)
			left -= got
			t.Queues = append(t.Queues, record.Queue{Queue: q, XmitPkts: got + dropped/uint64(queues), XmitBytes: (got + dropped/uint64(queues)) * uint64(size),
				ReadPkts: got, ReadBytes: got * uint64(size), Flows: max(1, flows/queues+rng.IntN(3)-1), DropPkts: dropped / uint64(queues)})
		}
	}
	return t
}

// spreadOf makes a histogram of log-normal samples.
func spreadOf(rng *rand.Rand, p50 float64, n int) record.Latency {
	l := record.Latency{Count: uint64(n), Missed: uint64(rng.IntN(5))}
	counts := map[uint64]uint64{}
	for range n {
		x := rng.NormFloat64()
		if rng.IntN(200) == 0 {
			x += 9
		}
		v := uint64(p50 * (1 + 0.12*max(x, -6)))
		l.MaxNs = max(l.MaxNs, v)
		w := bucketWidth(v)
		counts[v/w*w]++
	}
	for lower, c := range counts {
		l.Buckets = append(l.Buckets, [2]uint64{lower, c})
	}
	return l
}

// at gives a latency whose mean is ns: at least 32, and the middle of a bucket.
func at(ns uint64) record.Latency {
	return record.Latency{Count: 200, Buckets: [][2]uint64{{ns - (bucketWidth(ns)-1)/2, 200}}}
}

// variants are files of every shape that a run can leave.
func variants() map[string]*record.File {
	bareHost := func() *record.Run {
		return &record.Run{Kind: record.KindRun, Schema: 1, Tool: record.Tool{Version: "v0.1.0"}, Clock: "icount", Host: record.Host{Kernel: "6.1.0"}}
	}
	one := synthetic()
	one.Trials, one.Skips, one.End = one.Trials[:1], nil, nil
	one.Trials[0].Flags = []string{record.FlagSteal}
	one.Warnings = []string{"line 4, the last, is torn (113 bytes) and was skipped"}
	skips := synthetic()
	skips.Trials = nil
	skips.End.Exit = 2
	observed := synthetic()
	observed.Trials = observed.Trials[31:32]
	return map[string]*record.File{
		"full":        synthetic(),
		"open":        openRun(),
		"interrupted": one,
		"only-skips":  skips,
		"observed":    observed,
		"empty":       {Run: bareHost(), End: &record.End{}},
		"bare-trial":  {Run: bareHost(), Trials: []record.Trial{{Scenario: "Tun"}}},
		"searched":    withSearches(),
		"ways":        ways(),
	}
}

// ways is a run of every path and direction, with what only they record.
func ways() *record.File {
	rng := rand.New(rand.NewPCG(5, 6))
	f := synthetic()
	run := *f.Run
	f = &record.File{Run: &run, End: &record.End{Trials: 0}, Resumes: []record.Resume{{Started: "2026-11-20T23:00:00Z", Trials: 17}}}
	add := func(name string, pps float64, change func(t *record.Trial, pair int)) {
		mode, rest, _ := strings.Cut(name, "/")
		axes := map[string]string{"mode": strings.ToLower(mode), "path": "sink", "dir": "k2u", "gen": "udp", "io": "read", "queues": "1", "flows": "1", "vnet": "off", "offload": "none", "cipher": "none", "load": "max"}
		for _, a := range strings.Split(rest, "/") {
			axis, value, _ := strings.Cut(a, "=")
			axes[axis] = value
		}
		for pair := 1; pair <= 6; pair++ {
			for _, arm := range []record.Arm{record.Bare, record.Observed} {
				t := trial(rng, name, axes, arm, pair, len(f.Trials)+1, pps*(1+0.02*rng.NormFloat64()), 0.02, 90e3, 1, 1, 1500, "")
				if change != nil {
					change(&t, pair)
				}
				f.Trials = append(f.Trials, t)
			}
		}
	}
	engine := func(calls float64) func(*record.Trial, int) {
		return func(t *record.Trial, _ int) { t.Metrics[record.SyscallsPerPkt] = calls }
	}
	for _, e := range []struct {
		io         string
		pps, calls float64
	}{{"poll", 0.95e6, 1.3}, {"spin", 1.05e6, 2.1}, {"uring", 1.2e6, 0.06}} {
		add("Tun/dir=k2u/gen=udp/io="+e.io+"/queues=1/size=64", e.pps, engine(e.calls))
	}
	add("Tun/dir=k2u/gen=udp/queues=1/size=64", 1e6, engine(1.02))
	add("Tun/dir=u2k/gen=udp/queues=1/size=64", 0.8e6, func(t *record.Trial, _ int) {
		n := t.Accounting.Accepted // by io_uring, some dozen a call
		t.Writes = &record.Writes{Calls: n / 40, Bytes: 64 * n, Errors: map[string]uint64{"EAGAIN": 12, "EINVAL": 3}, Sizes: map[string]uint64{"64": n - 1000, "1024": 900, "2048": 100}}
		t.Accounting.Dropped = map[string]uint64{"SOCKET_RCVBUFF": t.Accounting.DroppedTotal()}
	})
	vnet := func(t *record.Trial, _ int) {
		t.Vnet = &record.Vnet{Headers: 20_000, GSO: map[string]uint64{"udp-l4": 19_000, "none": 1000}, Partial: 20_000, Bad: map[string]uint64{}, Largest: 65_000}
	}
	add("Tun/dir=k2u/gen=udp-gso/queues=1/size=1500", 0.9e6, nil)
	add("Tun/dir=k2u/gen=udp-gso/queues=1/size=1500/vnet=10/offload=uso", 5e6, vnet)
	add("Tun/dir=both/gen=udp/queues=1/size=64", 1.1e6, func(t *record.Trial, _ int) {
		t.Directions = map[string]record.Direction{}
		for d, share := range map[string]float64{"k2u": 0.6, "u2k": 0.4} {
			t.Directions[d] = record.Direction{
				Metrics:    map[string]float64{record.PPS: share * t.Metrics[record.PPS], record.Loss: 0.01 * share},
				Accounting: record.Accounting{Dropped: map[string]uint64{"FULL_RING": 7}},
			}
		}
	})
	for i, steer := range []string{"", "/steer=ebpf"} {
		add("Tun/dir=k2u/gen=udp/queues=4/flows=64/size=64"+steer, 0.7e6, func(t *record.Trial, pair int) {
			t.Metrics[record.Jain], t.Metrics[record.FlowConsistency] = 0.93, 63.0/64
			for flow := range 64 {
				q := (flow*7 + i*flow*flow) % 4
				t.Flows = append(t.Flows, record.Flow{Flow: flow, Delivered: 1000, Queues: map[int]uint64{q: 1000}})
			}
			t.Flows[5].Queues = map[int]uint64{0: 700, 3: 300}
		})
	}
	for _, way := range []struct {
		path string
		gbit float64
	}{{"relay", 3.4}, {"veth", 21}, {"vpn", 1.9}, {"wireguard-go", 1.1}} {
		path, gbit := way.path, way.gbit
		name := "Tun/path=" + path + "/dir=k2u/gen=tcp/queues=1/flows=8/size=1500"
		add(name, gbit*1e9/8/1500, func(t *record.Trial, _ int) {
			t.Metrics[record.GoodputBitPerS], t.Metrics[record.Retransmits] = gbit*1e9*0.97, 0.0123
			t.TCP = &record.TCP{Streams: 8, RTTNs: 2_300_000, MinRTTNs: 41_000, Cwnd: 120, MSS: 1448, Slowest: 0.83, Reordering: 12, Congestion: "cubic"}
			t.Hops = []record.Hop{{Name: "device a", In: 1_000_000, Out: 990_000, Dropped: map[string]uint64{"FULL_RING": 10_000}}, {Name: path + " a to b", In: 990_000, Out: 990_000, Calls: 1_980_000, Bytes: 1_485_000_000}}
		})
	}
	add("Tun/path=relay/dir=k2u/gen=tcp-rr/queues=1/size=64", 40_000, func(t *record.Trial, _ int) {
		t.Metrics[record.TPS] = 20_000
		t.TCP = &record.TCP{Streams: 1}
		t.Latency = map[string]record.Latency{record.RTT: spreadOf(rng, 48e3, 4000)}
	})
	add("Tun/path=relay/dir=k2u/gen=iperf3/queues=1/flows=8/size=1500", 280_000, func(t *record.Trial, _ int) {
		t.Metrics[record.GoodputBitPerS] = 3.2e9
		t.Program = &record.Generator{Name: "iperf3", Version: "3.12", Args: []string{"-P", "8", "-J"}, Figures: map[string]float64{"sum_received.bits_per_second": 3.21e9, "sum_sent.retransmits": 4711}}
	})
	f.End.Trials = len(f.Trials)
	return f
}

// openRun is a run with latency points, a reader that pauses, and a closed loop
// in lockstep beside them.
func openRun() *record.File {
	rng := rand.New(rand.NewPCG(5, 6))
	f := synthetic()
	f.Trials, f.Skips = nil, nil
	add := func(gen, load, pause string, rate, p50 float64, stall bool) {
		name := "Tun/dir=k2u/gen=" + gen + "/queues=1/size=64"
		axes := map[string]string{"mode": "tun", "dir": "k2u", "gen": gen, "queues": "1", "size": "64", "load": load, "pause": pause}
		if load != "max" {
			name += "/load=" + load
		}
		if pause != "off" {
			name += "/pause=" + pause
		}
		for pair := 1; pair <= 5; pair++ {
			pps := rate
			if load == "max" {
				pps = 1.27e6
			}
			t := trial(rng, name, axes, record.Bare, pair, len(f.Trials)+1, pps, 0, p50, 1, 1, 64, "")
			slow := uint64(0)
			if stall {
				slow = 40
			}
			t.Latency = map[string]record.Latency{record.E2E: stalled(spreadOf(rng, p50, 4000), slow)}
			if load != "max" {
				t.Latency[record.Service] = stalled(spreadOf(rng, p50*0.9, 4000), slow)
				p99 := uint64(1500 + 100*pair)
				t.Schedule = &record.Schedule{RatePPS: rate, Spacing: "fixed", Sends: uint64(rate), Late: uint64(pair), LateNs: 50_000, P99Ns: &p99, MaxNs: uint64(60_000 * pair)}
				if load == "1000pps" {
					t.Schedule.P99Ns = nil // too few
				}
			}
			f.Trials = append(f.Trials, t)
		}
	}
	add("udp", "max", "off", 0, 380e3, false)
	add("udp", "1000pps", "off", 1000, 21e3, false)
	add("udp", "10pct", "off", 127e3, 18e3, false)
	add("udp", "90pct", "off", 1143e3, 41e3, false)
	add("udp", "10pct", "5ms", 127e3, 18e3, true)
	add("lockstep", "max", "5ms", 0, 80e3, false)
	for i := range f.Trials {
		if t := &f.Trials[i]; t.Axes["load"] == "90pct" {
			t.Schedule.Late = t.Schedule.Sends / 40
			t.Flags, t.Notes = append(t.Flags, record.FlagLate), append(t.Notes, "late: 2.5 % of the packets were sent more than 50 us after they were due, the latest 300 us")
		}
	}
	f.End = &record.End{Kind: record.KindEnd, Ended: "2026-11-20T22:54:55Z", Scenarios: 6, Trials: len(f.Trials)}
	return f
}

// stalled adds so many packets that waited for about 4 ms.
func stalled(l record.Latency, n uint64) record.Latency {
	if n > 0 {
		l.Buckets, l.Count, l.MaxNs = append(l.Buckets, [2]uint64{4 << 20, n}), l.Count+n, 5e6
	}
	return l
}

// loads is a run of one device under a closed load and at four rates, in so
// many pairs, on a host of which an A/A run is known.
func loads(pairs int) *record.File {
	rng := rand.New(rand.NewPCG(7, 8))
	f := synthetic()
	f.Trials, f.Skips = nil, nil
	f.Run.Sees = map[string]float64{record.PPS: 0.021, record.CPUNsPerPkt: 0.034, record.Loss: 0.0004, "p50": 0.12, record.Jain: 0.01}
	for _, l := range []struct {
		load                       string
		pps, recv, send, inside, e float64 // ns
	}{
		{"max", 1.2e6, 310, 640, 400e3, 433e3},
		{"1000pps", 1e3, 2900, 2100, 4200, 7300},
		{"10pct", 1.2e5, 700, 900, 4600, 6900},
		{"50pct", 6e5, 390, 700, 11e3, 13e3},
		{"90pct", 1.08e6, 300, 650, 62e3, 61.9e3},
	} {
		name := "Tun/dir=k2u/gen=udp/queues=1/size=64"
		axes := map[string]string{"mode": "tun", "dir": "k2u", "gen": "udp", "queues": "1", "size": "64", "load": l.load}
		if l.load != "max" {
			name += "/load=" + l.load
		}
		for pair := 1; pair <= pairs; pair++ {
			for _, arm := range []record.Arm{record.Bare, record.Observed} {
				t := trial(rng, name, axes, arm, pair, len(f.Trials)+1, l.pps*(1+0.01*rng.NormFloat64()), 0, l.e, 1, 1, 64, "")
				recv := l.recv * (1 + 0.02*rng.NormFloat64())
				t.Metrics[record.RecvNsPerPkt], t.Metrics[record.FloorRatio] = recv, recv/116.3
				t.Metrics[record.SendNsPerPkt] = l.send
				if l.load != "max" {
					t.Latency[record.Service] = t.Latency[record.E2E]
					t.Latency[record.E2E] = spreadOf(rng, 3*l.e, 4000)
				}
				if arm == record.Observed {
					t.Latency[record.Residency] = spreadOf(rng, l.inside, 500)
				}
				f.Trials = append(f.Trials, t)
			}
		}
	}
	f.End.Trials, f.End.Skips = len(f.Trials), 0
	return f
}

// withSearches is a run of two scenarios with every result that a search can
// have, in an order that is not that of the report.
func withSearches() *record.File {
	f := synthetic()
	f.Trials, f.Skips = f.Trials[:20], nil
	rate := func(v float64) *float64 { return &v }
	search := func(scenario string, ndr, pdr record.Goal) record.Search {
		ndr.Name, pdr.Name, pdr.LossRatio = record.NDRPPS, record.PDRPPS, 0.005
		return record.Search{
			Kind: record.KindSearch, Scenario: scenario, Started: "2026-11-20T22:54:01Z", Profile: "quick",
			Goals: []record.Goal{ndr, pdr}, Trials: 19, Invalid: 2, SpentNs: 17_250_000_000, MaxPPS: 1_270_000,
			Notes: []string{"begun at 1118 kpps"},
		}
	}
	lost := search("Tap/dir=k2u/gen=udp/queues=1/size=64",
		record.Goal{LowerPPS: rate(1e6), Conditional: rate(1e6), Detail: "not exceeded: the highest load, 1000000 packets/s, was carried"},
		record.Goal{Detail: hostile})
	lost.Notes = []string{hostile, "second"}
	f.Searches = []record.Search{
		lost,
		search(f.Trials[10].Scenario,
			record.Goal{UpperPPS: rate(1270), Detail: "exceeded even at the lowest load, 1270 packets/s"},
			record.Goal{LowerPPS: rate(800e3), UpperPPS: rate(840e3), Conditional: rate(797e3), Detail: "the search was at its cap of 1m0s"}),
		search(f.Trials[0].Scenario,
			record.Goal{Resolved: true, LowerPPS: rate(1_004_321), UpperPPS: rate(1_019_876), Conditional: rate(1_004_321)},
			record.Goal{Resolved: true, LowerPPS: rate(1_019_876), UpperPPS: rate(1_035_000), Conditional: rate(1_015_500)}),
	}
	return f
}

// floored is a run of one scenario on that floor.
func floored(floor record.Floor, ratio float64) *record.File {
	return &record.File{
		Run: &record.Run{Kind: record.KindRun, Schema: 1, Clock: "monotonic", Floor: floor},
		Trials: []record.Trial{{
			Scenario: "Tun/dir=k2u/gen=udp/queues=1/size=64", Arm: record.Bare, Pair: 1, Trial: 1, DurationNs: 1e9,
			Axes: map[string]string{"mode": "tun", "dir": "k2u"}, Metrics: map[string]float64{record.PPS: 1e5, record.RecvNsPerPkt: 300, record.FloorRatio: ratio},
		}},
		End: &record.End{},
	}
}

// oneTrial is a file of observed trials, one a scenario.
func oneTrial(load string, pps, recv, ratio float64, latencies map[string]record.Latency) record.Trial {
	name := "Tun/dir=k2u"
	if load != "max" {
		name += "/load=" + load
	}
	return record.Trial{
		Scenario: name, Arm: record.Observed, Axes: map[string]string{"load": load}, Latency: latencies,
		Metrics: map[string]float64{record.PPS: pps, record.RecvNsPerPkt: recv, record.FloorRatio: ratio},
	}
}

// bucketWidth is the number of values in the bucket that v is in: there are 32
// sub-buckets an octave, and one for each value below 32.
func bucketWidth(v uint64) uint64 {
	if v < 32 {
		return 1
	}
	return 1 << (bits.Len64(v) - 6)
}
