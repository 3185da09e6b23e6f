package host

import (
	"bytes"
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/harness/proc"
)

// Look is the state of the host at one moment, in addition to the CPU times of
// Stat, as far as it may spoil a measurement. Until compares two of them. What
// cannot be read is left out.
type Look struct {
	clocks clocks
	source string // the kernel's clock source; "" unknown
	// pressure is the time since boot in which a task waited for a CPU; -1 if
	// the kernel does not say.
	pressure  time.Duration
	freq      map[int]uint64 // kHz by CPU
	throttles map[int]uint64 // times since boot that heat slowed a CPU down
	bandwidth bandwidth
}

// LookAt reads the state of the kernel and of the given CPUs, which may be
// named more than once. It may take 20 ms for each CPU: before Linux 5.18 a
// read of a frequency waits for a sample of it (arch_freq_get_on_cpu). Under a
// CPU quota it also waits for one period, usually 100 ms: the kernel counts a
// period as throttled when it is over (do_sched_cfs_period_timer of
// kernel/sched/fair.c), and the last one before the look belongs to the time
// before it.
func LookAt(cpus []int) Look {
	l := lookAt(os.DirFS("/"), cpus)
	l.clocks = readClocks()
	return l
}

func lookAt(root fs.FS, cpus []int) Look {
	limits := readBandwidth(root)
	if period := limits.longest(); period > 0 {
		time.Sleep(period)
		limits = readBandwidth(root)
	}
	l := Look{
		source:   text(root, "sys/devices/system/clocksource/clocksource0/current_clocksource"),
		pressure: parsePressure([]byte(text(root, "proc/pressure/cpu"))),
		freq:     map[int]uint64{}, throttles: map[int]uint64{},
		bandwidth: limits,
	}
	for _, cpu := range slices.Compact(slices.Sorted(slices.Values(cpus))) {
		dir := "sys/devices/system/cpu/cpu" + strconv.Itoa(cpu)
		if khz, ok := number(root, path.Join(dir, "cpufreq/scaling_cur_freq")); ok && khz > 0 {
			l.freq[cpu] = khz
		}
		for _, file := range []string{"core_throttle_count", "package_throttle_count"} {
			if n, ok := number(root, path.Join(dir, "thermal_throttle", file)); ok {
				l.throttles[cpu] += n
			}
		}
	}
	return l
}

// Pressure is the time since boot in which a task waited for a CPU; -1 if the kernel
// does not count it.
func Pressure() time.Duration {
	often.mu.Lock()
	defer often.mu.Unlock()
	b, err := often.pressure.Read()
	if err != nil {
		return -1
	}
	return parsePressure(b)
}

func number(root fs.FS, name string) (uint64, bool) {
	n, err := strconv.ParseUint(text(root, name), 10, 64)
	return n, err == nil
}

// parsePressure returns the total of the "some" line of /proc/pressure/cpu,
// which is in microseconds (Documentation/accounting/psi.rst), or -1.
func parsePressure(s []byte) time.Duration {
	for line := range bytes.Lines(s) {
		word, rest := proc.Word(line)
		if string(word) != "some" {
			continue
		}
		for word, rest = proc.Word(rest); len(word) > 0; word, rest = proc.Word(rest) {
			v, ok := bytes.CutPrefix(word, []byte("total="))
			if !ok {
				continue
			}
			if us, err := strconv.ParseUint(string(v), 10, 63); err == nil && us < 1<<53 {
				return time.Duration(us) * time.Microsecond
			}
		}
	}
	return -1
}

// clocks holds the clocks of the kernel at one moment, in ns.
type clocks struct {
	mono int64 // the clock of all figures: never set, but slewed
	raw  int64 // CLOCK_MONOTONIC_RAW: without slewing
	boot int64 // CLOCK_BOOTTIME: also counts while the machine is suspended
	wall int64
	// blur is how long it took to read them, and so the largest error of each.
	// 0 means that they could not be read.
	blur int64
}

// readClocks reads all clocks between two readings of the first one, and
// repeats that if it took long.
func readClocks() (best clocks) {
	const tries, good = 20, 10_000 // ns
	for range tries {
		var c clocks
		var end int64
		for _, r := range []struct {
			id   int32
			into *int64
		}{
			{unix.CLOCK_MONOTONIC, &c.mono}, {unix.CLOCK_MONOTONIC_RAW, &c.raw},
			{unix.CLOCK_BOOTTIME, &c.boot}, {unix.CLOCK_REALTIME, &c.wall}, {unix.CLOCK_MONOTONIC, &end},
		} {
			var ts unix.Timespec
			if unix.ClockGettime(r.id, &ts) != nil {
				return clocks{}
			}
			*r.into = ts.Nano()
		}
		c.blur = max(1, end-c.mono)
		if best.blur == 0 || c.blur < best.blur {
			best = c
		}
		if best.blur <= good {
			break
		}
	}
	return best
}

// Delta is what happened on a host in a period of time, or in several that were
// added up. The zero value is no time, of which nothing is known.
type Delta struct {
	Stretches int
	Elapsed   time.Duration // of CLOCK_MONOTONIC; 0: the clocks could not be read
	Pressure  time.Duration // in which a task waited for a CPU; -1: not known
	Watched   time.Duration // the time of which Pressure is a part; 0: Elapsed
	Throttles int64         // times that heat slowed one of the CPUs down; -1: not known

	// QuotaPeriods is in how many periods the CPU quota of QuotaCgroup ran out,
	// the cgroup for which that happened most often; -1: not known. QuotaTime
	// is how long tasks were stopped for it, summed over CPUs. A time without a
	// period is due to the quota of a cgroup that is not visible from here.
	QuotaPeriods int64
	QuotaTime    time.Duration
	QuotaCgroup  string

	// FreqFrom and FreqTo are the frequencies in kHz at both ends of the period
	// of the CPU that changed most, FreqCPU; 0: not known.
	FreqCPU          int
	FreqFrom, FreqTo uint64

	// Raw, Boot and Wall are how far those clocks advanced more than
	// CLOCK_MONOTONIC, and Blur is the largest error of each.
	Raw, Boot, Wall, Blur time.Duration

	// SourceFrom and SourceTo are the kernel's clock sources, if they changed.
	SourceFrom, SourceTo string
}

// Until returns what happened between l and the later b.
func (l Look) Until(b Look) Delta {
	d := Delta{Stretches: 1, Pressure: -1, Throttles: -1}
	if l.clocks.blur > 0 && b.clocks.blur > 0 {
		mono := b.clocks.mono - l.clocks.mono
		d.Elapsed = time.Duration(mono)
		d.Raw = time.Duration(b.clocks.raw - l.clocks.raw - mono)
		d.Boot = time.Duration(b.clocks.boot - l.clocks.boot - mono)
		d.Wall = time.Duration(b.clocks.wall - l.clocks.wall - mono)
		d.Blur = time.Duration(l.clocks.blur + b.clocks.blur)
	}
	if l.pressure >= 0 && b.pressure >= 0 {
		d.Pressure = max(0, b.pressure-l.pressure)
	}
	d.throttled(l.bandwidth, b.bandwidth)
	for cpu, before := range l.throttles {
		if after, ok := b.throttles[cpu]; ok {
			d.Throttles = max(0, d.Throttles) + int64(after-min(before, after))
		}
	}
	for cpu, before := range l.freq {
		if after, ok := b.freq[cpu]; ok {
			d.widest(cpu, before, after)
		}
	}
	// Soon after boot the kernel changes from tsc-early to tsc: the same counter,
	// better calibrated.
	if from := strings.TrimSuffix(l.source, "-early"); from != "" && b.source != "" && from != strings.TrimSuffix(b.source, "-early") {
		d.SourceFrom, d.SourceTo = l.source, b.source
	}
	return d
}

// throttled sets how often quotas ran out between b and the later c.
func (d *Delta) throttled(b, c bandwidth) {
	d.QuotaPeriods = -1
	if !b.known || !c.known {
		return
	}
	d.QuotaPeriods = 0
	for _, now := range c.cgroups {
		for _, then := range b.cgroups {
			if now.Cgroup != then.Cgroup || now.throttled <= then.throttled {
				continue
			}
			// Only the one that stopped this process most often counts: the others
			// may have stopped it at the same time.
			if n := int64(now.throttled - then.throttled); n > d.QuotaPeriods {
				d.QuotaPeriods, d.QuotaCgroup, d.QuotaTime = n, now.Cgroup, max(0, now.stopped-then.stopped)
			}
		}
	}
	if d.QuotaPeriods == 0 && b.local >= 0 && c.local > b.local {
		d.QuotaTime = c.local - b.local
	}
}

// widest keeps the largest change of a frequency, and of equal ones that of the
// lowest CPU.
func (d *Delta) widest(cpu int, from, to uint64) {
	if from == 0 {
		return
	}
	change := Delta{FreqFrom: from, FreqTo: to}.FreqChange()
	if d.FreqFrom == 0 || change > d.FreqChange() || change == d.FreqChange() && cpu < d.FreqCPU {
		d.FreqCPU, d.FreqFrom, d.FreqTo = cpu, from, to
	}
}

// FreqChange is the larger of FreqFrom and FreqTo divided by the smaller, less
// 1; 0 if they are not known.
func (d Delta) FreqChange() float64 {
	if d.FreqFrom == 0 || d.FreqTo == 0 {
		return 0
	}
	from, to := float64(d.FreqFrom), float64(d.FreqTo)
	return max(from, to)/min(from, to) - 1
}

// Plus adds another period. What is not known of one of them is not known of
// the sum.
func (d Delta) Plus(other Delta) Delta {
	if d.Stretches == 0 {
		return other
	}
	if other.Stretches == 0 {
		return d
	}
	if d.Elapsed == 0 || other.Elapsed == 0 {
		d.Elapsed, d.Raw, d.Boot, d.Wall, d.Blur = 0, 0, 0, 0, 0
	} else {
		d.Elapsed += other.Elapsed
		d.Raw += other.Raw
		d.Boot += other.Boot
		d.Wall += other.Wall
		d.Blur += other.Blur
	}
	d.Stretches += other.Stretches
	d.Pressure = sumIfKnown(d.Pressure, other.Pressure)
	d.Throttles = sumIfKnown(d.Throttles, other.Throttles)
	d.QuotaPeriods = sumIfKnown(d.QuotaPeriods, other.QuotaPeriods)
	d.QuotaTime += other.QuotaTime
	if d.QuotaCgroup == "" {
		d.QuotaCgroup = other.QuotaCgroup
	}
	d.widest(other.FreqCPU, other.FreqFrom, other.FreqTo)
	if d.SourceFrom == "" {
		d.SourceFrom, d.SourceTo = other.SourceFrom, other.SourceTo
	}
	return d
}

func sumIfKnown[T ~int64](a, b T) T {
	if a < 0 || b < 0 {
		return -1
	}
	return a + b
}
