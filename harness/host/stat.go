package host

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"
)

// Tick is the unit of /proc/stat: USER_HZ is 100 on amd64 and arm64, whatever
// CONFIG_HZ is.
const Tick = 10 * time.Millisecond

// CPUTimes is how one or more CPUs spent their time. The kernel counts it in
// steps of 10 ms.
type CPUTimes struct {
	User    time.Duration // with guests
	Nice    time.Duration
	System  time.Duration
	Idle    time.Duration
	IOWait  time.Duration
	IRQ     time.Duration
	SoftIRQ time.Duration
	Steal   time.Duration // the hypervisor ran another guest
}

// Busy is the time in which the CPUs were not idle.
func (t CPUTimes) Busy() time.Duration { return t.User + t.Nice + t.System + t.IRQ + t.SoftIRQ }

// Total is the sum of all times.
func (t CPUTimes) Total() time.Duration { return t.Busy() + t.Idle + t.IOWait + t.Steal }

// Plus adds the times of another period.
func (t CPUTimes) Plus(other CPUTimes) CPUTimes {
	into, add := t.fields(), other.fields()
	for i := range into {
		*into[i] += *add[i]
	}
	return t
}

// StealShare is the stolen share of the time: 0 to 1, and 0 if the total is 0.
func (t CPUTimes) StealShare() float64 {
	if t.Total() == 0 {
		return 0
	}
	return float64(t.Steal) / float64(t.Total())
}

// fields lists the columns of /proc/stat in their order (fs/proc/stat.c). Guest
// time, the next column, is part of User.
func (t *CPUTimes) fields() []*time.Duration {
	return []*time.Duration{&t.User, &t.Nice, &t.System, &t.Idle, &t.IOWait, &t.IRQ, &t.SoftIRQ, &t.Steal}
}

// Stat is the content of /proc/stat: the times of each CPU that is on line,
// since boot.
type Stat struct {
	CPU map[int]CPUTimes
}

// ReadStat reads /proc/stat.
func ReadStat() (Stat, error) { return readStat(os.DirFS("/")) }

func readStat(root fs.FS) (Stat, error) {
	b, err := fs.ReadFile(root, "proc/stat")
	if err != nil {
		return Stat{}, fmt.Errorf("read CPU times: %w", err)
	}
	return parseStat(string(b))
}

func parseStat(s string) (Stat, error) {
	stat := Stat{CPU: map[int]CPUTimes{}}
	for line := range strings.Lines(s) {
		if !strings.HasPrefix(line, "cpu") {
			continue // that of interrupts has thousands of fields
		}
		f := strings.Fields(line)
		if len(f) < 2 || f[0] == "cpu" {
			continue
		}
		cpu, err := strconv.Atoi(strings.TrimPrefix(f[0], "cpu"))
		if err != nil || cpu < 0 {
			return Stat{}, fmt.Errorf("parse /proc/stat: no CPU number in %q", f[0])
		}
		var t CPUTimes
		for i, d := range t.fields() {
			if i+1 >= len(f) {
				break // before Linux 2.6.11 there was no steal
			}
			n, err := strconv.ParseUint(f[i+1], 10, 64)
			if err != nil || n > uint64(1<<62/Tick) {
				return Stat{}, fmt.Errorf("parse /proc/stat: %s has %q for a time", f[0], f[i+1])
			}
			*d = time.Duration(n) * Tick
		}
		stat.CPU[cpu] = t
	}
	if len(stat.CPU) == 0 {
		return Stat{}, errors.New("parse /proc/stat: no CPU in it")
	}
	return stat, nil
}

// Until sums what happened between s and the later b on the given CPUs, on all
// if cpus is empty. A CPU that is not in both is left out.
func (s Stat) Until(b Stat, cpus []int) CPUTimes {
	var sum CPUTimes
	add := func(cpu int) {
		from, ok := s.CPU[cpu]
		to, ok2 := b.CPU[cpu]
		if !ok || !ok2 {
			return
		}
		f, t := from.fields(), to.fields()
		for i, d := range sum.fields() {
			// Idle and iowait of a kernel without ticks may step back.
			*d += max(*t[i]-*f[i], 0)
		}
	}
	if len(cpus) == 0 {
		for cpu := range s.CPU {
			add(cpu)
		}
	}
	for _, cpu := range cpus {
		add(cpu)
	}
	return sum
}

// Plus adds to s what happened between from and the later to. So the times of
// several periods are summed.
func (s Stat) Plus(from, to Stat) Stat {
	sum := Stat{CPU: map[int]CPUTimes{}}
	for cpu, t := range s.CPU {
		sum.CPU[cpu] = t
	}
	for cpu := range from.CPU {
		sum.CPU[cpu] = sum.CPU[cpu].Plus(from.Until(to, []int{cpu}))
	}
	return sum
}

// Steal is the share of the time of the CPUs, all if cpus is empty, that was
// stolen between s and the later b: 0 to 1, and 0 if no time passed.
func (s Stat) Steal(b Stat, cpus []int) float64 { return s.Until(b, cpus).StealShare() }
