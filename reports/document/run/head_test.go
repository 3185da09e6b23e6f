package run

import (
	"fmt"
	"strings"
	"testing"

	"tunbench/reports/figure"
	"tunbench/reports/record"
)

// trial is a valid one of a scenario; its rate is its size in kpps.
func trial(pair int, size int, flags ...string) record.Trial {
	return record.Trial{
		Scenario: fmt.Sprintf("Tun/dir=k2u/gen=udp/queues=1/size=%d", size), Axes: map[string]string{"mode": "tun", "gen": "udp"},
		Arm: record.Bare, Pair: pair, Trial: pair, DurationNs: 1e9, Flags: flags,
		Metrics:    map[string]float64{record.PPS: 1000 * float64(size), record.BitPerS: 8e9},
		Accounting: record.Accounting{Offered: 10, Accepted: 10, Delivered: 10},
	}
}

func fileOf(trials ...record.Trial) *record.File {
	return &record.File{Run: &record.Run{Kind: record.KindRun, Schema: record.Schema}, Trials: trials}
}

func TestResults(t *testing.T) {
	said := func(trials ...record.Trial) string {
		list, _ := figure.Scenarios(fileOf(trials...))
		var lines []string
		for _, p := range results(list) {
			lines = append(lines, p.String())
		}
		return strings.Join(lines, "\n")
	}
	many := func(sizes ...int) (trials []record.Trial) {
		for _, size := range sizes {
			trials = append(trials, trial(1, size))
		}
		return trials
	}
	tcp, requests, open := trial(1, 64), trial(1, 64), trial(1, 64)
	tcp.Metrics[record.GoodputBitPerS] = 7e9
	requests.Metrics[record.TPS] = 12_000
	open.Axes["load"] = "1000pps"
	open.Latency = map[string]record.Latency{record.E2E: {Buckets: record.Buckets{{20_000, 1000}}, MinNs: 20_000, MaxNs: 20_000}}
	brief := trial(1, 64)
	brief.DurationNs = 1000
	const name = "dir=k2u gen=udp queues=1 size=64: "
	for _, c := range []struct {
		name   string
		trials []record.Trial
		want   string
	}{
		{"one trial", many(64), name + "64.0 kpps (one trial), 8.00 Gbit/s."},
		{"a range", []record.Trial{trial(1, 64), trial(2, 64)}, name + "64.0 kpps (min–max 64.0 of 2 trials), 8.00 Gbit/s."},
		{"four", many(64, 128, 256, 512), "size=64: 64.0 kpps (one trial), 8.00 Gbit/s.\nsize=128: 128 kpps (one trial), 8.00 Gbit/s.\n" +
			"size=256: 256 kpps (one trial), 8.00 Gbit/s.\nsize=512: 512 kpps (one trial), 8.00 Gbit/s."},
		{"five", many(64, 128, 256, 512, 900), "Packet rate of 5 TUN scenarios: from 64.0 kpps (one trial) with size=64 to 900 kpps (one trial) with size=900."},
		{"streams", []record.Trial{tcp}, name + "TCP goodput 7.00 Gbit/s (one trial)."},
		{"transactions", []record.Trial{requests}, name + "12,000 transactions/s (one trial)."},
		{"open loop", []record.Trial{open}, name + "end-to-end latency 20.0 µs at p99, 20.0 µs at p50."},
		{"invalid", []record.Trial{trial(1, 64, record.FlagSteal)}, ""},
		{"too short", []record.Trial{brief}, ""},
	} {
		if got := said(c.trials...); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}

// TestCorruptIsShown: by what was wrong, in the sum of the packets and in the sentence on
// what was verified; of right packets only that they were.
func TestCorruptIsShown(t *testing.T) {
	wrong := trial(1, 64, record.FlagCorrupt)
	wrong.Accounting.Delivered, wrong.Accounting.Verified = 7, 6
	wrong.Accounting.Corrupt = map[string]uint64{"ip-length": 1, "udp-checksum": 2}
	right := trial(1, 64)
	right.Accounting.Verified = 10
	for _, c := range []struct {
		trial record.Trial
		want  []string
		never string
	}{
		{wrong, []string{"3 corrupt", "checksums of 6 packets", "wrong were udp-checksum of 2, ip-length of 1"}, "all were right"},
		{right, []string{"checksums of 10 packets", "all were right"}, "corrupt"},
	} {
		list, _ := figure.Scenarios(fileOf(c.trial))
		sec, _ := accounting(list)
		said := fmt.Sprint(sec.Blocks)
		for _, want := range c.want {
			if !strings.Contains(strings.ReplaceAll(said, "*", ""), want) || strings.Contains(said, c.never) {
				t.Errorf("%q, want %q and not %q", said, want, c.never)
			}
		}
	}
}
