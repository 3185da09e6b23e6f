package verdict

import (
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/fixture"
	"tunbench/reports/record"
)

func TestKernelVerdicts(t *testing.T) {
	one := func(name string, values ...float64) KernelBoots {
		k := KernelBoots{Name: name}
		for _, v := range values {
			k.Boots = append(k.Boots, []*record.File{fixture.Boot(record.Bare, true, v)})
		}
		return k
	}
	change := func(k *KernelBoots, f func(*record.File)) KernelBoots {
		for _, files := range k.Boots {
			f(files[0])
		}
		return *k
	}
	base := one("a", 1000, 1001)
	for _, tt := range []struct {
		name      string
		base, new KernelBoots
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
		{"unsettled", base, change(fixture.Ptr(one("b", 2000, 2001)), func(f *record.File) { f.Trials[0].Flags = []string{record.FlagUnsettled} }), record.IndicativeRegression, "unsettled in 2 of 4 boots"},
		{"invalid", base, change(fixture.Ptr(one("b", 2000, 2001)), func(f *record.File) { f.Trials[0].Flags = []string{record.FlagSteal} }), record.InvalidVerdict, "no valid trial in 2 of 4 boots"},
		{"unsupported", base, change(fixture.Ptr(one("b", 1, 1)), func(f *record.File) {
			f.Trials, f.Skips = nil, []record.Skip{{Scenario: "Tun/size=64", Reason: record.Unsupported, Detail: fixture.NoUSO}}
		}), record.UnsupportedVerdict, "b: unsupported: " + fixture.NoUSO},
		{"another machine", base, change(fixture.Ptr(one("b", 900, 901)), func(f *record.File) { f.Run.Host.Virt = "kvm" }), record.NotComparable, "virtualisation differs: not known, kvm (--allow cpu)"},
		{"another device", base, change(fixture.Ptr(one("b", 900, 901)), func(f *record.File) { f.Trials[0].Device.VnetHdrSz = 12 }), record.NotComparable, "the device differs in virtio-net header: 0, 12 (--allow device)"},
		{"another feature", base, change(fixture.Ptr(one("b", 900, 901)), func(f *record.File) { f.Trials[0].Device.Offloads = []string{"tx-lockless"} }), record.IndicativeImprovement, ""},
		{"real time", change(fixture.Ptr(one("a", 1000, 1001)), func(f *record.File) { f.Run.Clock = "monotonic" }),
			change(fixture.Ptr(one("b", 900, 901)), func(f *record.File) { f.Run.Clock = "monotonic" }), record.Inconclusive, "there is no threshold for this clock"},
	} {
		v := KernelVerdicts([]KernelBoots{tt.base, tt.new})
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
	if v := KernelVerdicts([]KernelBoots{base}); v != nil {
		t.Errorf("against nothing: %+v", v)
	}
	if v := KernelVerdicts([]KernelBoots{base, base, base}); len(v) != 4 {
		t.Errorf("two against the first: %d verdicts", len(v))
	}
}

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
	k := KernelBoots{Name: "a"}
	for i, bare := range []float64{1000, 1100, 1210} {
		k.Boots = append(k.Boots, []*record.File{
			suite(fixture.Boot(record.Bare, true, 5000), "kernels", "none"),
			suite(fixture.Boot(record.Observed, true, bare+100+float64(i)), "kernels-observer", "kprobe"),
			suite(fixture.Boot(record.Bare, true, bare), "kernels-observer", "none"),
			suite(fixture.Boot(record.Observed, true, 5050), "other", "fentry"),
		})
	}
	l := NewLab([]KernelBoots{k})
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

func TestReading(t *testing.T) {
	value := func(f *record.File) (float64, bool) {
		k := newKernel(KernelBoots{Boots: [][]*record.File{{f}}})
		c := k.Cost("Tun/size=64", record.SendNsPerPkt)
		if c == nil {
			return 0, false
		}
		return c.Median, true
	}
	f := fixture.Boot(record.Bare, true, 900, 800, 100, 101, 102, 103, 104)
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
	if v, ok := value(fixture.Boot(record.Bare, true, 7)); !ok || v != 7 {
		t.Errorf("of one: %v, %v", v, ok)
	}
	if v, ok := value(fixture.Boot(record.Bare, true, 0, -3)); ok {
		t.Errorf("of nothing: %v", v)
	}
	if v, ok := value(fixture.Boot(record.Bare, false, 7, 8, 9)); ok {
		t.Errorf("of an interrupted scenario: %v", v)
	}
	if v, ok := value(fixture.Boot(record.Observed, true, 7)); ok {
		t.Errorf("observed as bare: %v", v)
	}
}

func TestShortNames(t *testing.T) {
	for _, tt := range []struct{ names, want []string }{
		{[]string{fixture.Release61, fixture.Release612}, []string{"6.1.0-41", "6.12.57+deb12"}},
		{[]string{"6.1-a", "6.2-b"}, []string{"6.1-a", "6.2-b"}},
		{[]string{"6.1-amd64", "6.1-amd64"}, []string{"6.1", "6.1"}},
		{[]string{"6.1-amd64", "-amd64"}, []string{"6.1-amd64", "-amd64"}},
		{[]string{"6.1-amd64", "6.1-amd64 (2)"}, []string{"6.1-amd64", "6.1-amd64 (2)"}},
		{[]string{"6.1-amd64"}, []string{"6.1-amd64"}},
		{[]string{"", "a\nb"}, []string{"unnamed kernel", "a b"}},
	} {
		var in []KernelBoots
		for _, n := range tt.names {
			in = append(in, KernelBoots{Name: n})
		}
		var got []string
		for _, k := range NewLab(in).Kernels {
			got = append(got, k.Short)
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%q (-want +got): %s", tt.names, d)
		}
	}
}
