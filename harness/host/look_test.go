package host

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const somePressure = `some avg10=2.39 avg60=1.91 avg300=1.85 total=16879683
full avg10=0.00 avg60=0.00 avg300=0.00 total=0
`

func TestParsePressure(t *testing.T) {
	for _, c := range []struct {
		text string
		want time.Duration
	}{
		{somePressure, 16879683 * time.Microsecond},
		{"some total=0\n", 0},
		{"full avg10=0.00 total=5\n", -1},
		{"some avg10=1.00\n", -1},
		{"some total=-4\n", -1},
		{"some total=99999999999999999999\n", -1},
		{"some total=9223372036854775807\n", -1}, // would overflow in ns
		{"", -1},
	} {
		if got := parsePressure([]byte(c.text)); got != c.want {
			t.Errorf("%q: %v, want %v", c.text, got, c.want)
		}
	}
}

// hot is a host of two CPUs on which everything can be read.
func hot(cpu0, cpu1, throttled, source, pressure string) map[string]string {
	const dir = "sys/devices/system/cpu/"
	return map[string]string{
		dir + "cpu0/cpufreq/scaling_cur_freq":                             cpu0,
		dir + "cpu1/cpufreq/scaling_cur_freq":                             cpu1,
		dir + "cpu0/thermal_throttle/core_throttle_count":                 "3\n",
		dir + "cpu0/thermal_throttle/package_throttle_count":              "4\n",
		dir + "cpu1/thermal_throttle/core_throttle_count":                 throttled,
		"sys/devices/system/clocksource/clocksource0/current_clocksource": source,
		"proc/pressure/cpu":                                               pressure,
		"proc/self/cgroup":                                                "0::/\n",
		"proc/self/mountinfo":                                             mountV2,
	}
}

func TestLookUntil(t *testing.T) {
	at := func(files map[string]string, c clocks) Look {
		l := lookAt(tree(files), []int{0, 1, 1, 0})
		l.clocks = c
		return l
	}
	start := clocks{mono: 1000, raw: 990, boot: 1500, wall: 77_000, blur: 2}
	before := at(hot("3000000\n", "2800000\n", "5\n", "tsc-early\n", "some total=100\n"), start)

	for _, c := range []struct {
		name  string
		files map[string]string
		clock clocks
		want  Delta
	}{
		{
			"all well", hot("3000000\n", "2800000\n", "5\n", "tsc\n", "some total=350\n"),
			clocks{mono: 2000, raw: 1990, boot: 2500, wall: 78_000, blur: 3},
			Delta{Stretches: 1, Elapsed: 1000, Pressure: 250 * time.Microsecond, FreqFrom: 3000000, FreqTo: 3000000, Blur: 5},
		},
		{
			"everything at once", hot("2900000\n", "3500000\n", "9\n", "hpet\n", "some total=100\n"),
			clocks{mono: 2000, raw: 2990, boot: 5500, wall: 70_000, blur: 3},
			Delta{
				Stretches: 1, Elapsed: 1000, Throttles: 4, FreqCPU: 1, FreqFrom: 2800000, FreqTo: 3500000,
				Raw: 1000, Boot: 3000, Wall: -8000, Blur: 5, SourceFrom: "tsc-early", SourceTo: "hpet",
			},
		},
		{"nothing to read", nil, clocks{}, Delta{Stretches: 1, Pressure: -1, Throttles: -1, QuotaPeriods: -1}},
		{
			"counters went back", hot("0\n", "x\n", "1\n", "tsc-early\n", "some total=1\n"),
			clocks{mono: 2000, raw: 1990, boot: 2500, wall: 78_000, blur: 3},
			Delta{Stretches: 1, Elapsed: 1000, Blur: 5},
		},
	} {
		if diff := cmp.Diff(c.want, before.Until(at(c.files, c.clock))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.name, diff)
		}
	}
}

// TestDeltasAddUp holds that a stretch cut in two is the same stretch, and that
// what is not known of a part is not known of the whole.
func TestDeltasAddUp(t *testing.T) {
	a := Delta{
		Stretches: 1, Elapsed: time.Second, Pressure: time.Millisecond, Throttles: 1,
		FreqCPU: 2, FreqFrom: 3000, FreqTo: 2000, Raw: 5, Boot: -1, Wall: 7, Blur: 3,
	}
	b := Delta{
		Stretches: 2, Elapsed: time.Minute, Pressure: time.Second, Throttles: 0,
		FreqCPU: 1, FreqFrom: 1000, FreqTo: 1600, Raw: -2, Boot: 4, Wall: 1, Blur: 2, SourceFrom: "tsc", SourceTo: "hpet",
	}
	want := Delta{
		Stretches: 3, Elapsed: time.Minute + time.Second, Pressure: time.Second + time.Millisecond, Throttles: 1,
		FreqCPU: 1, FreqFrom: 1000, FreqTo: 1600, Raw: 3, Boot: 3, Wall: 8, Blur: 5, SourceFrom: "tsc", SourceTo: "hpet",
	}
	for _, got := range []Delta{a.Plus(b), b.Plus(a), Delta{}.Plus(a).Plus(b), a.Plus(Delta{}).Plus(b)} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	}
	blind := Delta{Stretches: 1, Pressure: -1, Throttles: -1, QuotaPeriods: -1}
	want = Delta{Stretches: 2, Pressure: -1, Throttles: -1, QuotaPeriods: -1, FreqCPU: 2, FreqFrom: 3000, FreqTo: 2000}
	for _, got := range []Delta{a.Plus(blind), blind.Plus(a)} {
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("with a blind stretch (-want +got):\n%s", diff)
		}
	}
}

func TestFreqChange(t *testing.T) {
	for _, c := range []struct {
		from, to uint64
		want     float64
	}{{0, 0, 0}, {0, 5, 0}, {2000, 2000, 0}, {2000, 3000, 0.5}, {3000, 2000, 0.5}} {
		if got := (Delta{FreqFrom: c.from, FreqTo: c.to}).FreqChange(); got != c.want {
			t.Errorf("%d to %d: %v, want %v", c.from, c.to, got, c.want)
		}
	}
}

// TestLookAtThisHost holds only what is so on every host: time passes, and the
// clocks that are not set agree with each other.
func TestLookAtThisHost(t *testing.T) {
	cpus, err := Affinity()
	if err != nil {
		t.Fatal(err)
	}
	before := LookAt(cpus)
	time.Sleep(20 * time.Millisecond)
	d := before.Until(LookAt(cpus))
	t.Logf("%+v", d)
	if d.Elapsed < 20*time.Millisecond || d.Blur <= 0 {
		t.Errorf("%v passed in 20 ms, blur %v", d.Elapsed, d.Blur)
	}
	if off := max(d.Boot, -d.Boot); off > d.Blur {
		t.Errorf("CLOCK_BOOTTIME went %v ahead of CLOCK_MONOTONIC, more than the %v of reading them", d.Boot, d.Blur)
	}
	if d.Pressure > d.Elapsed+time.Second {
		t.Errorf("tasks waited %v of %v", d.Pressure, d.Elapsed)
	}
}

func FuzzParsePressure(f *testing.F) {
	f.Add(somePressure)
	f.Fuzz(func(t *testing.T, s string) {
		if d := parsePressure([]byte(s)); d < -1 {
			t.Fatalf("%q: %v", s, d)
		}
	})
}
