package export

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tunbench/reports/record"
)

// abFile is a file of tunbench ab without verdicts: drift that both trials of a
// pair share, and variant b at factor times the packet rate.
func abFile(factor float64, pairs int) *record.File {
	rng := rand.New(rand.NewPCG(7, 8))
	f := &record.File{Run: synthetic().Run}
	for pair := 1; pair <= pairs; pair++ {
		drift := 1 + 0.05*rng.NormFloat64()
		for i, variant := range []string{"a", "b"} {
			pps := 1e6 * drift * (1 + 0.002*rng.NormFloat64())
			if i == 1 {
				pps *= factor
			}
			t := trial(rng, fast, map[string]string{"queues": "1", "load": "max"}, record.Bare, pair, 2*pair+i, pps, 0, 4e5, 1, 1, 64, "")
			t.Variant, t.Block = variant, 1
			f.Trials = append(f.Trials, t)
		}
	}
	return f
}

// stored is a run of a few scenarios, n pairs each; change tells the factor of
// the packet rate by scenario.
func stored(seed uint64, n int, change map[string]float64) *record.File {
	rng := rand.New(rand.NewPCG(seed, 1))
	f := &record.File{Run: synthetic().Run, End: &record.End{Ended: "2026-11-20T22:54:55Z"}}
	f.Run.ID = fmt.Sprint("run-", seed)
	k := 0
	for _, s := range []struct {
		mode                string
		queues, size, flows int
		pps, loss           float64
		load                string
	}{
		{"Tun", 1, 64, 1, 1.27e6, 0, "max"},
		{"Tun", 1, 1500, 1, 0.84e6, 0.02, "max"},
		{"Tun", 4, 64, 16, 0.71e6, 0.4, "max"},
		{"Tap", 1, 64, 1, 1.18e6, 0, "max"},
		{"Tap", 1, 1500, 1, 0.79e6, 0, "max"},
		{"Tap", 1, 64, 1, 1e5, 0, "100000pps"},
	} {
		name := fmt.Sprintf("%s/dir=k2u/gen=udp/queues=%d/size=%d", s.mode, s.queues, s.size)
		if s.load != "max" {
			name += "/load=" + s.load
		}
		axes := map[string]string{"mode": strings.ToLower(s.mode), "queues": fmt.Sprint(s.queues), "size": fmt.Sprint(s.size), "load": s.load}
		for pair := 1; pair <= n; pair++ {
			for _, arm := range []record.Arm{record.Bare, record.Observed} {
				k++
				factor := cmpOr(change[name], 1)
				pps := s.pps * factor * (1 + 0.004*rng.NormFloat64())
				if s.load != "max" {
					pps = s.pps
				}
				t := trial(rng, name, axes, arm, pair, k, pps, s.loss, 4e5/factor, s.queues, s.flows, s.size, "")
				if s.load != "max" {
					t.Metrics[record.CPUNsPerPkt] /= 10 * (1 + 0.004*rng.NormFloat64())
				}
				for q, jain := range []float64{1, 1, 1, 1, 0.97} {
					if q == s.queues && arm == record.Observed {
						t.Metrics[record.Jain] = jain * (1 - 0.001*rng.Float64())
					}
				}
				for latency, l := range t.Latency {
					l.P50Ns, l.P99Ns = ptr(uint64(4e5/factor*(1+0.01*rng.Float64()))), ptr(uint64(6e5/factor*(1+0.01*rng.Float64())))
					t.Latency[latency] = l
				}
				f.Trials = append(f.Trials, t)
			}
		}
	}
	f.End.Trials = len(f.Trials)
	return f
}

// beforeAndAfter are two runs with one of everything between them: a scenario
// that regressed, one that improved, one the same, an invalid one, one whose
// device came out different, one on one side only, and a kernel that refused.
func beforeAndAfter() (base, next *record.File) {
	base = stored(1, 10, nil)
	next = stored(2, 10, map[string]float64{slow: 0.9, fast: 1.06, openRate: 0.8})
	next.Run.Host.Kernel, next.Run.Host.Sysctl["net.core.wmem_max"] = "6.18.1", "4194304"
	next.Run.Started = "2026-11-20T23:51:07Z"
	for i := range next.Trials {
		switch t := &next.Trials[i]; t.Scenario {
		case stolen:
			t.Flags = append(t.Flags, record.FlagSteal)
		case rebuilt:
			t.Device.TxQLen = 1000
		}
	}
	const uso = "Tun/dir=k2u/gen=udp/queues=1/size=1500/vnet=10/offload=uso"
	extra := base.Trials[0]
	extra.Scenario = uso
	base.Trials = append(base.Trials, extra)
	next.Skips = []record.Skip{{Scenario: uso, Reason: record.Unsupported, Detail: "TUNSETOFFLOAD: EINVAL"}}
	extra.Scenario = "Tun/dir=k2u/gen=udp/queues=8/size=64"
	next.Trials = append(next.Trials, extra)
	bounds := func(low, high float64) []record.Goal {
		return []record.Goal{{Name: record.NDRPPS, Resolved: true, LowerPPS: &low, UpperPPS: &high}, {Name: record.PDRPPS, Detail: "the time was over"}}
	}
	base.Searches = []record.Search{{Scenario: fast, Goals: bounds(1e6, 1.01e6)}, {Scenario: slow, Goals: bounds(8e5, 8.1e5)}}
	next.Searches = []record.Search{{Scenario: fast, Goals: bounds(1.005e6, 1.015e6)}, {Scenario: slow, Goals: bounds(7e5, 7.1e5)}}
	return base, next
}

const (
	slow     = "Tun/dir=k2u/gen=udp/queues=1/size=1500"
	fast     = "Tun/dir=k2u/gen=udp/queues=1/size=64"
	queued   = "Tun/dir=k2u/gen=udp/queues=4/size=64"
	stolen   = "Tap/dir=k2u/gen=udp/queues=1/size=64"
	rebuilt  = "Tap/dir=k2u/gen=udp/queues=1/size=1500"
	openRate = "Tap/dir=k2u/gen=udp/queues=1/size=64/load=100000pps"
)

func cmpOr(v, fallback float64) float64 {
	if v == 0 {
		return fallback
	}
	return v
}

func ptr[T any](v T) *T { return &v }

// shardFile is shard i of 2, which measured one scenario over queues=i.
func shardFile(i int, change func(*record.Run)) record.Named {
	r := *synthetic().Run
	r.ID, r.Started = fmt.Sprint("run-", i), fmt.Sprintf("2026-11-20T22:5%d:00Z", i)
	r.Shard = &record.Shard{Index: i, Of: 2, Scenarios: 2, Plan: "p"}
	r.Host.Boot = fmt.Sprint("boot-", i)
	r.Floor.SyscallNs = 100 * float64(i)
	if change != nil {
		change(&r)
	}
	f := &record.File{Run: &r, End: &record.End{Ended: fmt.Sprintf("2026-11-20T22:5%d:30Z", i), Scenarios: 1, Trials: 8}}
	for pair := range 8 {
		f.Trials = append(f.Trials, record.Trial{
			Scenario: fmt.Sprintf("Tun/dir=k2u/gen=udp/queues=%d/size=64", i), Axes: map[string]string{"queues": fmt.Sprint(i), "dir": "k2u"}, Arm: record.Bare, Pair: pair + 1, Trial: pair + 1, DurationNs: 1e9,
			Metrics: map[string]float64{record.PPS: float64(1e6 * i), record.BitPerS: float64(512e6 * i), record.RecvNsPerPkt: 300, record.FloorRatio: 3},
		})
	}
	return record.Named{Name: fmt.Sprint("shard-", i), File: f}
}

func mergedOf(t *testing.T, partial bool, shards ...record.Named) *record.File {
	t.Helper()
	f, err := record.Merge(shards, partial)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// boot is a file with one scenario whose trials cost what is said.
func boot(arm record.Arm, end bool, values ...float64) *record.File {
	f := &record.File{Run: &record.Run{Clock: "icount"}}
	if end {
		f.End = &record.End{}
	}
	for i, v := range values {
		f.Trials = append(f.Trials, record.Trial{Scenario: "Tun/size=64", Arm: arm, Trial: i + 1, Metrics: map[string]float64{record.SendNsPerPkt: v}})
	}
	return f
}

const (
	release61  = "6.1.0-41-cloud-amd64"
	release612 = "6.12.57+deb12-cloud-amd64"
	noUSO      = "set offloads of tunbench0 to csum,tso4,tso6,uso4,uso6: invalid argument (TUNSETOFFLOAD)"
)
