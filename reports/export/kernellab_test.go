package export

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/document/kernels"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/text"
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

const (
	release61  = "6.1.0-41-cloud-amd64"
	release612 = "6.12.57+deb12-cloud-amd64"
	noUSO      = "set offloads of tunbench0 to csum,tso4,tso6,uso4,uso6: invalid argument (TUNSETOFFLOAD)"
)

func debians() []verdict.KernelBoots {
	old := guestRun{kernel: release61, scale: 1, skips: map[string]string{lockstep[4].name: noUSO}}
	young := guestRun{kernel: release612, scale: 0.75, flags: map[string][]string{lockstep[2].name: {record.FlagUnsettled}}}
	return []verdict.KernelBoots{old.boots(2), young.boots(2)}
}

func kernelVariants() map[string][]verdict.KernelBoots {
	same := guestRun{kernel: release61, scale: 1}.boots(2)
	again := guestRun{kernel: release61, scale: 1}.boots(3)
	again.Name += " (2)"

	lost := debians()
	lost[0].Boots[1] = nil
	lost[1].Boots[0][0].End = nil
	lost[1].Boots[0][0].Warnings = []string{"line 9, the last, is torn (12 bytes) and was skipped"}
	lost[1].Boots[1] = lost[1].Boots[1][:2] // no rung attached

	three := append(debians(), guestRun{kernel: "6.18.0", scale: 0.749}.boots(2))
	for _, f := range three[2].Boots[0] {
		f.Run.Clock = "monotonic"
	}

	bad := debians()
	bad[0].Name, bad[1].Name = hostile, strings.Repeat(hostile, 2)
	for _, files := range bad[1].Boots {
		for _, f := range files {
			h := &f.Run.Host
			for _, s := range []*string{&f.Run.Clock, &f.Run.Suite, &f.Run.Hook.Used, &f.Run.Started, &f.Run.Tool.Version, &h.Kernel, &h.Cmdline, &h.Virt, &h.CPU} {
				*s = hostile
			}
			h.Config[hostile], h.Sysctl[hostile], h.Mitigations[hostile] = hostile, hostile, hostile
			f.Run.Args, f.Warnings = []string{hostile}, []string{hostile}
			for i := range f.Trials {
				if i%16 == 0 {
					f.Trials[i].Scenario = hostile + "/a=b"
				}
				f.Trials[i].Flags = append(f.Trials[i].Flags, hostile)
				f.Trials[i].Device.Qdisc = hostile
			}
			f.Skips = append(f.Skips, record.Skip{Scenario: hostile, Reason: hostile, Detail: hostile})
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
		"kernels-one":     {guestRun{kernel: release61, scale: 1}.boots(1)},
		"kernels-empty":   {{Name: "6.1", Boots: [][]*record.File{nil, nil}}, {Name: "6.12"}},
	}
}

func TestKernelsGolden(t *testing.T) {
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
			checkShape(t, contents(t, dir))
			goldens(t, dir, name)

			b.Reset()
			if err := kernelsMarkdown(&b, k); err != nil || strings.Contains(b.String(), ".svg") {
				t.Errorf("without charts: %v", err)
			}
		})
	}
	if kernelsMarkdown(failing{}, debians()) == nil || render.KernelsSummary(failing{}, debians()) == nil {
		t.Error("the writer's error is hidden")
	}
	if err := kernelsMarkdown(io.Discard, nil); err != nil {
		t.Errorf("of nothing: %v", err)
	}
}

func TestKernelChartRenders(t *testing.T) {
	rsvg, err := exec.LookPath("rsvg-convert")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("rsvg-convert is not installed, and CI must have it")
		}
		t.Skip("rsvg-convert is not installed (scripts/setup.sh test); the charts are still checked for being well-formed")
	}
	for name, k := range kernelVariants() {
		dir := t.TempDir()
		if err := render.WriteKernels(dir, k); err != nil {
			t.Fatal(err)
		}
		charts, err := filepath.Glob(filepath.Join(dir, "*.svg"))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range charts {
			if msg, err := exec.Command(rsvg, "-o", c+".png", c).CombinedOutput(); err != nil {
				t.Errorf("render %s of %s: %v: %s", filepath.Base(c), name, err, msg)
			}
		}
	}
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

func TestReading(t *testing.T) {
	value := func(f *record.File) (float64, bool) {
		k := verdict.NewKernel(verdict.KernelBoots{Boots: [][]*record.File{{f}}})
		c := k.Cost("Tun/size=64", record.SendNsPerPkt)
		if c == nil {
			return 0, false
		}
		return c.Median, true
	}
	f := boot(record.Bare, true, 900, 800, 100, 101, 102, 103, 104)
	if v, ok := value(f); !ok || v != 102 {
		t.Errorf("median of the last five: %v, %v", v, ok)
	}
	slices.Reverse(f.Trials)
	if v, ok := value(f); !ok || v != 102 {
		t.Errorf("in another order of the file: %v, %v", v, ok)
	}
	f.Trials[0].Flags = []string{record.FlagUnexplained}
	if v, ok := value(f); !ok || v != 102 { // 800 takes the place of 104
		t.Errorf("with an invalid one: %v, %v", v, ok)
	}
	if v, ok := value(boot(record.Bare, true, 7)); !ok || v != 7 {
		t.Errorf("of one: %v, %v", v, ok)
	}
	if v, ok := value(boot(record.Bare, true, 0, -3)); ok {
		t.Errorf("of nothing: %v", v)
	}
	if v, ok := value(boot(record.Bare, false, 7, 8, 9)); ok {
		t.Errorf("of an interrupted scenario: %v", v)
	}
	if v, ok := value(boot(record.Observed, true, 7)); ok {
		t.Errorf("observed as bare: %v", v)
	}
}

func TestKernelVerdicts(t *testing.T) {
	one := func(name string, values ...float64) verdict.KernelBoots {
		k := verdict.KernelBoots{Name: name}
		for _, v := range values {
			k.Boots = append(k.Boots, []*record.File{boot(record.Bare, true, v)})
		}
		return k
	}
	change := func(k *verdict.KernelBoots, f func(*record.File)) verdict.KernelBoots {
		for _, files := range k.Boots {
			f(files[0])
		}
		return *k
	}
	base := one("a", 1000, 1001)
	for _, tt := range []struct {
		name      string
		base, new verdict.KernelBoots
		want      string
		note      string
	}{
		{"slower", base, one("b", 1010, 1011), record.IndicativeRegression, ""},
		{"faster", base, one("b", 900, 901), record.IndicativeImprovement, ""},
		{"the same", base, one("b", 1000, 1001), record.Equivalent, ""},
		{"within the threshold, beyond the spread", base, one("b", 1003, 1004), record.Equivalent, ""},
		{"one boot hardly", base, one("b", 1005, 1100), record.Inconclusive, "most trials on one kernel have a cost that no trial on the other has: measure more boots"},
		{"noisy", base, one("b", 900, 1100), record.Inconclusive, "the cost has 1 state on the base and 2 on the new kernel, and their ranges overlap: measure more boots"},
		{"beyond, but less than the spread", one("a", 1000, 1100), one("b", 1107, 1110), record.Inconclusive, "the change is smaller than the distance between the states of one kernel: measure more boots"},
		{"one boot", one("a", 1000), one("b", 2000), record.Inconclusive, "one boot: the spread is not known"},
		{"not there", base, one("b"), record.InvalidVerdict, "b: missing"},
		{"unsettled", base, change(ptr(one("b", 2000, 2001)), func(f *record.File) { f.Trials[0].Flags = []string{record.FlagUnsettled} }), record.IndicativeRegression, "unsettled in 2 of 4 boots"},
		{"invalid", base, change(ptr(one("b", 2000, 2001)), func(f *record.File) { f.Trials[0].Flags = []string{record.FlagSteal} }), record.InvalidVerdict, "no valid trial in 2 of 4 boots"},
		{"unsupported", base, change(ptr(one("b", 1, 1)), func(f *record.File) {
			f.Trials, f.Skips = nil, []record.Skip{{Scenario: "Tun/size=64", Reason: record.Unsupported, Detail: noUSO}}
		}), record.UnsupportedVerdict, "b: unsupported: " + noUSO},
		{"another machine", base, change(ptr(one("b", 900, 901)), func(f *record.File) { f.Run.Host.Virt = "kvm" }), record.NotComparable, "virtualisation differs: , kvm (--allow cpu)"},
		{"another device", base, change(ptr(one("b", 900, 901)), func(f *record.File) { f.Trials[0].Device.VnetHdrSz = 12 }), record.NotComparable, "the device differs in virtio-net header: 0, 12 (--allow device)"},
		{"another feature", base, change(ptr(one("b", 900, 901)), func(f *record.File) { f.Trials[0].Device.Offloads = []string{"tx-lockless"} }), record.IndicativeImprovement, ""},
		{"real time", change(ptr(one("a", 1000, 1001)), func(f *record.File) { f.Run.Clock = "monotonic" }),
			change(ptr(one("b", 900, 901)), func(f *record.File) { f.Run.Clock = "monotonic" }), record.Inconclusive, "there is no threshold for this clock"},
	} {
		v := verdict.KernelVerdicts([]verdict.KernelBoots{tt.base, tt.new})
		if len(v) != 2 || v[0].Metric != record.SendNsPerPkt || v[1].Metric != record.RecvNsPerPkt {
			t.Fatalf("%s: %+v", tt.name, v)
		}
		if v[0].Verdict.Verdict != tt.want || (tt.note != "" && !slices.Contains(v[0].Notes, tt.note)) || (tt.note == "" && len(v[0].Notes) > 0) {
			t.Errorf("%s: %s, notes %q, want %s, %q", tt.name, v[0].Verdict.Verdict, v[0].Notes, tt.want, tt.note)
		}
		if v[0].Change != nil && v[0].Verdict.Verdict != record.Inconclusive && math.Abs(*v[0].Change-(*v[0].New / *v[0].Base - 1)) > 1e-12 {
			t.Errorf("%s: change %v of %v and %v, which have one state each", tt.name, *v[0].Change, *v[0].Base, *v[0].New)
		}
		if v[0].CI != nil || v[0].P != nil {
			t.Errorf("%s: an interval or a p of a handful of boots", tt.name)
		}
		if v[1].Base != nil || v[1].Change != nil {
			t.Errorf("%s: a side that nobody measured: %+v", tt.name, v[1])
		}
	}
	if v := verdict.KernelVerdicts([]verdict.KernelBoots{base}); v != nil {
		t.Errorf("against nothing: %+v", v)
	}
	if v := verdict.KernelVerdicts([]verdict.KernelBoots{base, base, base}); len(v) != 4 {
		t.Errorf("two against the first: %d verdicts", len(v))
	}
}

func ptr[T any](v T) *T { return &v }

// The observer's cost is taken boot by boot, against the bare trials of the
// same suite, over the scenarios that everybody measured.
func TestObserverCost(t *testing.T) {
	suite := func(f *record.File, name, hook string) *record.File {
		f.Run.Suite, f.Run.Hook.Used = name, hook
		for i := range f.Trials {
			f.Trials[i].Metrics[record.RecvNsPerPkt] = 2 * f.Trials[i].Metrics[record.SendNsPerPkt]
		}
		return f
	}
	k := verdict.KernelBoots{Name: "a"}
	for i, bare := range []float64{1000, 1100, 1210} {
		k.Boots = append(k.Boots, []*record.File{
			suite(boot(record.Bare, true, 5000), "kernels", "none"),
			suite(boot(record.Observed, true, bare+100+float64(i)), "kernels-observer", "kprobe"),
			suite(boot(record.Bare, true, bare), "kernels-observer", "none"),
			suite(boot(record.Observed, true, 5050), "other", "fentry"),
		})
	}
	l := verdict.NewLab([]verdict.KernelBoots{k})
	o, ok := l.Kernels[0].Overhead("kprobe", "Tun/size=64", record.SendNsPerPkt)
	if !ok || o.Bare != 1100 || o.Added != 101 || o.Min != 100 || o.Max != 102 || o.Boots != 3 || math.Abs(o.Ratio-101.0/1100) > 1e-12 {
		t.Errorf("kprobe: %+v", o)
	}
	// With no bare trials of its own suite, those of the headline serve.
	if o, ok := l.Kernels[0].Overhead("fentry", "Tun/size=64", record.SendNsPerPkt); !ok || o.Added != 50 {
		t.Errorf("fentry: %+v", o)
	}
	if c := l.Kernels[0].Cost("Tun/size=64", record.SendNsPerPkt); c.Median != 5000 {
		t.Errorf("headline: %+v", c)
	}
	if d := cmp.Diff([]string{"kprobe", "fentry"}, l.HooksOf()); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]string{"Tun/size=64"}, l.ObservedEverywhere()); d != "" {
		t.Error(d)
	}
}

func TestShortNames(t *testing.T) {
	for _, tt := range []struct{ names, want []string }{
		{[]string{release61, release612}, []string{"6.1.0-41", "6.12.57+deb12"}},
		{[]string{"6.1-a", "6.2-b"}, []string{"6.1-a", "6.2-b"}},
		{[]string{"6.1-amd64", "6.1-amd64"}, []string{"6.1", "6.1"}},
		{[]string{"6.1-amd64", "-amd64"}, []string{"6.1-amd64", "-amd64"}},
		{[]string{"6.1-amd64", "6.1-amd64 (2)"}, []string{"6.1-amd64", "6.1-amd64 (2)"}},
		{[]string{"6.1-amd64"}, []string{"6.1-amd64"}},
		{[]string{"", "a\nb"}, []string{"unnamed kernel", "a b"}},
	} {
		var in []verdict.KernelBoots
		for _, n := range tt.names {
			in = append(in, verdict.KernelBoots{Name: n})
		}
		var got []string
		for _, k := range verdict.NewLab(in).Kernels {
			got = append(got, k.Short)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%q (-want +got): %s", tt.names, d)
		}
	}
}

func TestKernelFormats(t *testing.T) {
	check := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for v, want := range map[float64]string{5050.4: "5,050", 151.43: "151.4", 96.704: "96.70", 999.96: "1,000", 0.5: "0.50"} {
		check(text.PerPacket(v), want)
	}
	for v, want := range map[float64]string{0: "0", 17: "+17.0", -3.5: "−3.50", 1234: "+1,234", 801.04: "+801", -0.001: "0", 42.42: "+42.4", -100: "−100"} {
		check(text.Plus(v), want)
	}
	for v, want := range map[float64]string{0: "0.00", 0.2445: "+24.45", -0.00001: "0.00", 0.00001: "0.00", -0.2522: "−25.22"} {
		check(text.Precisely(v), want)
	}
}

// Whatever two guests deliver, the comparison keeps its shape and its verdicts
// can be printed.
//
// slow to fuzz: an input is the runs of two kernels, compared and shown as a report, about 2 ms.
func FuzzKernels(f *testing.F) {
	seed := func(x, y []byte) {
		readable(f, x, y)
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
