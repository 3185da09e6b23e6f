package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tunbench/reports/document/kernels"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/verdict"
)

// guestRun is a run file as a guest makes it: each scenario takes a while to
// settle and then stays within 0.02 % of its cost.
type guestRun struct {
	kernel, suite, hook string
	boot                int
	scale               float64             // of every cost
	skips               map[string]string   // detail by scenario
	flags               map[string][]string // of the last trial, by scenario
	clock               string
}

var lockstep = []struct {
	name       string
	send, recv float64
}{
	{"Tun/dir=k2u/gen=lockstep/queues=1/size=64", 5050, 1772},
	{"Tun/dir=k2u/gen=lockstep/queues=1/size=1500", 7555, 3229},
	{"Tun/dir=k2u/gen=lockstep/queues=1/size=1500/vnet=10", 7610, 3301},
	{"Tun/dir=k2u/gen=lockstep/queues=1/size=65535/vnet=24/offload=tso", 151.4, 96.7},
	{"Tun/dir=k2u/gen=lockstep/queues=1/size=65535/vnet=24/offload=uso", 148.2, 97.1},
	{"Tun/dir=k2u/gen=lockstep/queues=4/flows=4/size=1500", 7812, 3260},
	{"Tap/dir=k2u/gen=lockstep/queues=1/size=64", 5120, 1790},
}

func (g guestRun) file() *record.File {
	f := &record.File{
		Run: &record.Run{
			Kind: record.KindRun, Schema: 1, ID: "01JD3", Started: fmt.Sprintf("2026-11-21T00:%02d:07Z", 10*g.boot+len(g.hook)),
			Tool: record.Tool{Version: "v0.2.0", Commit: "0123abc", Go: "go1.26.8"}, Clock: g.clock, Suite: g.suite,
			Args: []string{"run", "--suite", g.suite, "--hook", g.hook},
			Host: record.Host{
				Kernel: g.kernel, KernelVersion: "#1 SMP " + g.kernel, Arch: "x86_64", CPU: "QEMU TCG CPU version 2.5+", CPUs: 1, Virt: "tcg",
				Clocksource: "tsc", Cmdline: "console=ttyS0 panic=-1 nokaslr", MemoryBytes: 1 << 30,
				Mitigations: map[string]string{"meltdown": "Not affected", "spectre_v2": "Mitigation: Retpolines | " + g.kernel[:3]},
				Config:      map[string]string{"CONFIG_TUN": "m", "CONFIG_HZ": "250"},
				Sysctl:      map[string]string{"net.core.wmem_max": "212992"},
			},
			Hook: record.Hook{Requested: g.hook, Used: g.hook},
		},
		End: &record.End{Kind: record.KindEnd},
	}
	if strings.HasPrefix(g.kernel, "6.12") {
		f.Run.Host.Config["CONFIG_FPROBE"] = "y"
		f.Run.Host.MemoryBytes -= 4 << 20
	}
	n := 0
	for i, s := range lockstep {
		if detail, ok := g.skips[s.name]; ok {
			f.Skips = append(f.Skips, record.Skip{Kind: record.KindSkip, Scenario: s.name, Reason: record.Unsupported, Detail: detail})
			continue
		}
		if g.suite == "kernels-observer" && i != 0 && i != 1 && i != 6 {
			continue
		}
		scale := g.scale
		if s.name == lockstep[6].name {
			scale = 1 - (1-scale)/2000
		}
		drift := 1 + 0.0002*float64((g.boot*5+i*g.boot)%4)
		send, recv := s.send*scale*drift, s.recv*(0.5+scale/2)*drift
		arm := record.Bare
		if extra := map[string]float64{"kprobe": 1, "fentry": 0.5, "tracepoint": 0.4}[g.hook]; extra > 0 {
			arm = record.Observed
			send, recv = send+800*extra+float64(i), recv+500*extra
		}
		for trial := range 8 {
			n++
			warm := 1.0
			if trial < 3 {
				warm = 1.4 - 0.1*float64(trial) // not settled yet
			}
			wobble := 1 + 0.0001*float64((trial*7+g.boot*3+i)%3-1)
			t := record.Trial{
				Kind: record.KindTrial, Scenario: s.name, Arm: arm, Pair: trial + 1, Trial: n, DurationNs: 1e8,
				Metrics: map[string]float64{record.SendNsPerPkt: send * warm * wobble, record.RecvNsPerPkt: recv * warm * wobble},
				Device:  record.Device{Flags: []string{"IFF_TUN", "IFF_NO_PI"}, Offloads: []string{"tx-lockless " + g.kernel, "tx-scatter-gather"}, Qdisc: "noqueue", TxQLen: 500, MTU: 1500},
			}
			if trial == 7 {
				t.Flags = g.flags[s.name]
			}
			f.Trials = append(f.Trials, t)
		}
	}
	f.End.Trials, f.End.Skips = len(f.Trials), len(f.Skips)
	return f
}

func (g guestRun) boots(n int) (k verdict.KernelBoots) {
	k.Name = g.kernel
	for boot := 1; boot <= n; boot++ {
		var files []*record.File
		for _, hook := range []string{"none", "observer-bare", "kprobe", "fentry", "tracepoint"} {
			run := g
			run.boot, run.suite, run.hook = boot, "kernels-observer", hook
			if run.clock == "" {
				run.clock = "icount"
			}
			switch hook {
			case "none":
				run.suite = "kernels"
			case "observer-bare":
				run.hook = "none"
			}
			files = append(files, run.file())
		}
		k.Boots = append(k.Boots, files)
	}
	return k
}

func debians() []verdict.KernelBoots {
	old := guestRun{kernel: fixture.Release61, scale: 1, skips: map[string]string{lockstep[4].name: fixture.NoUSO}}
	young := guestRun{kernel: fixture.Release612, scale: 0.75, flags: map[string][]string{lockstep[2].name: {record.FlagUnsettled}}}
	return []verdict.KernelBoots{old.boots(2), young.boots(2)}
}

func kernelVariants() map[string][]verdict.KernelBoots {
	same := guestRun{kernel: fixture.Release61, scale: 1}.boots(2)
	again := guestRun{kernel: fixture.Release61, scale: 1}.boots(3)
	again.Name += " (2)"

	lost := debians()
	lost[0].Boots[1] = nil
	lost[1].Boots[0][0].End = nil
	lost[1].Boots[0][0].Warnings = []string{"line 9, the last, is torn (12 bytes) and was skipped"}
	lost[1].Boots[1] = lost[1].Boots[1][:2] // no hook attached

	three := append(debians(), guestRun{kernel: "6.18.0", scale: 0.749}.boots(2))
	for _, f := range three[2].Boots[0] {
		f.Run.Clock = "monotonic"
	}

	bad := debians()
	bad[0].Name, bad[1].Name = fixture.Hostile, strings.Repeat(fixture.Hostile, 2)
	for _, files := range bad[1].Boots {
		for _, f := range files {
			h := &f.Run.Host
			for _, s := range []*string{&f.Run.Clock, &f.Run.Suite, &f.Run.Hook.Used, &f.Run.Started, &f.Run.Tool.Version, &h.Kernel, &h.Cmdline, &h.Virt, &h.CPU} {
				*s = fixture.Hostile
			}
			h.Config[fixture.Hostile], h.Sysctl[fixture.Hostile], h.Mitigations[fixture.Hostile] = fixture.Hostile, fixture.Hostile, fixture.Hostile
			f.Run.Args, f.Warnings = []string{fixture.Hostile}, []string{fixture.Hostile}
			for i := range f.Trials {
				if i%16 == 0 {
					f.Trials[i].Scenario = fixture.Hostile + "/a=b"
				}
				f.Trials[i].Flags = append(f.Trials[i].Flags, fixture.Hostile)
				f.Trials[i].Device.Qdisc = fixture.Hostile
			}
			f.Skips = append(f.Skips, record.Skip{Scenario: fixture.Hostile, Reason: fixture.Hostile, Detail: fixture.Hostile})
		}
	}
	bad[0].Boots[0][0].Trials[46].Metrics = map[string]float64{record.SendNsPerPkt: 1e-300, record.RecvNsPerPkt: -5}
	bad[0].Boots[0][0].Trials[47].Metrics = map[string]float64{record.SendNsPerPkt: 1e308}
	return map[string][]verdict.KernelBoots{
		"kernels":         debians(),
		"kernels-same":    {same, again},
		"kernels-lost":    lost,
		"kernels-three":   three,
		"kernels-hostile": bad,
		"kernels-one":     {guestRun{kernel: fixture.Release61, scale: 1}.boots(1)},
		"kernels-empty":   {{Name: "6.1", Boots: [][]*record.File{nil, nil}}, {Name: "6.12"}},
	}
}

func TestKernelsGolden(t *testing.T) {
	variants := map[string]map[string]string{}
	for name, k := range kernelVariants() {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for range 2 { // over what is there, to the same bytes
				if err := render.WriteKernels(dir, k); err != nil {
					t.Fatal(err)
				}
			}
			var b bytes.Buffer
			if err := render.KernelsSummary(&b, k); err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(b.String(), "\x1b\u202e\r\t") {
				t.Error("control characters reach the terminal")
			}
			if err := os.WriteFile(filepath.Join(dir, "summary.txt"), b.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
			files := fixture.Contents(t, dir)
			checkShape(t, files)
			if !strings.HasSuffix(name, "hostile") { // of them the shape matters, and that all is told
				variants[name] = files
			}

			b.Reset()
			if err := kernelsMarkdown(&b, k); err != nil || strings.Contains(b.String(), ".svg") {
				t.Errorf("without charts: %v", err)
			}
		})
	}
	fixture.Variations(t, "kernels", variants)
	if kernelsMarkdown(fixture.Failing{}, debians()) == nil || render.KernelsSummary(fixture.Failing{}, debians()) == nil {
		t.Error("the writer's error is hidden")
	}
	if err := kernelsMarkdown(io.Discard, nil); err != nil {
		t.Errorf("of nothing: %v", err)
	}
}

// Whatever two guests deliver, the comparison keeps its shape and its verdicts
// can be printed.
//
// slow to fuzz: an input is the runs of two kernels, compared and shown as a report, about 2 ms.
func FuzzKernels(f *testing.F) {
	seed := func(x, y []byte) {
		fixture.Readable(f, x, y)
		for view := range uint8(views + 1) {
			f.Add(x, y, view)
		}
	}
	line := func(s ...string) []byte { return []byte(strings.Join(s, "\n") + "\n") }
	header := `{"kind":"run","schema":1,"clock":"icount"}`
	seed(line(header, `{"kind":"trial","arm":"bare","pair":1,"trial":1,"scenario":"Tun/a=1","metrics":{"send_ns_per_pkt":1e308,"recv_ns_per_pkt":7}}`, `{"kind":"end"}`),
		line(header, `{"kind":"trial","arm":"bare","pair":2,"trial":2,"scenario":"Tun/a=1","metrics":{"send_ns_per_pkt":1e-308},"flags":["unsettled"],"device":{"mtu":0}}`, `{"kind":"skip","scenario":"<a>|","reason":"failed"}`, `{"kind":"end"}`))
	seed(line(header, `{"kind":"trial","scenario":"Tun","pair":3,"trial":3,"arm":"observed","metrics":{"send_ns_per_pkt":5}}`, `{"kind":"trial","scenario":"Tun","pair":4,"arm":"bare","trial":3,"metrics":{"send_ns_per_pkt":4}}`), line(header, `{"kind":"end"}`))
	f.Fuzz(func(t *testing.T, x, y []byte, view uint8) {
		a, errA := record.Read(bytes.NewReader(x))
		b, errB := record.Read(bytes.NewReader(y))
		if errA != nil || errB != nil {
			return
		}
		k := []verdict.KernelBoots{
			{Name: a.Run.Host.Kernel, Boots: [][]*record.File{{a, b}, nil, {a}}},
			{Name: b.Run.Host.Kernel, Boots: [][]*record.File{{b}, {b, a}}},
		}
		if view%(views+1) < views {
			checkView(t, kernels.New(verdict.NewLab(k)).Document(), view)
			return
		}
		if err := render.KernelsSummary(io.Discard, k); err != nil {
			t.Fatal(err)
		}
		if _, err := json.Marshal(verdict.KernelVerdicts(k)); err != nil {
			t.Fatal(err)
		}
	})
}
