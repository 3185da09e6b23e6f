package host

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"tunbench/harness/proc"
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
	CPU []CPU // in the order of their numbers
}

// CPU is how one CPU spent its time.
type CPU struct {
	Number int
	CPUTimes
}

func (s Stat) find(cpu int) (int, bool) {
	return slices.BinarySearchFunc(s.CPU, cpu, func(c CPU, cpu int) int { return c.Number - cpu })
}

// of is the place for the times of a CPU, which is made if there is none.
func (s *Stat) of(cpu int) *CPUTimes {
	i, ok := s.find(cpu)
	if !ok {
		s.CPU = slices.Insert(s.CPU, i, CPU{Number: cpu})
	}
	return &s.CPU[i].CPUTimes
}

// often are the files that are read at both ends of each window.
var often = struct {
	mu             sync.Mutex // guards the files
	stat, pressure proc.File
}{stat: proc.File{Path: "/proc/stat"}, pressure: proc.File{Path: "/proc/pressure/cpu"}}

// ReadStat reads /proc/stat.
func ReadStat() (Stat, error) {
	often.mu.Lock()
	defer often.mu.Unlock()
	return readStat(&often.stat)
}

func readStat(f *proc.File) (Stat, error) {
	b, err := f.Read()
	if err != nil {
		return Stat{}, fmt.Errorf("read CPU times: %w", err)
	}
	return parseStat(b)
}

func parseStat(s []byte) (Stat, error) {
	stat := Stat{CPU: make([]CPU, 0, bytes.Count(s, []byte("\ncpu")))}
	for line := range bytes.Lines(s) {
		rest, ok := bytes.CutPrefix(line, []byte("cpu"))
		if !ok {
			continue // that of interrupts has thousands of fields
		}
		number, rest := proc.Word(rest)
		if len(number) == 0 || line[len("cpu")] == ' ' {
			continue // of all CPUs
		}
		cpu, err := strconv.ParseUint(string(number), 10, 31)
		if err != nil {
			return Stat{}, fmt.Errorf("parse /proc/stat: no CPU number in %q", line)
		}
		var t CPUTimes
		for _, d := range t.fields() {
			var word []byte
			if word, rest = proc.Word(rest); len(word) == 0 {
				break // before Linux 2.6.11 there was no steal
			}
			n, err := strconv.ParseUint(string(word), 10, 64)
			if err != nil || n > uint64(1<<62/Tick) {
				return Stat{}, fmt.Errorf("parse /proc/stat: CPU %d has %q for a time", cpu, word)
			}
			*d = time.Duration(n) * Tick
		}
		*stat.of(int(cpu)) = t
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
		i, ok := s.find(cpu)
		j, ok2 := b.find(cpu)
		if !ok || !ok2 {
			return
		}
		f, t := s.CPU[i].fields(), b.CPU[j].fields()
		for i, d := range sum.fields() {
			// Idle and iowait of a kernel without ticks may step back.
			*d += max(*t[i]-*f[i], 0)
		}
	}
	if len(cpus) == 0 {
		for _, c := range s.CPU {
			add(c.Number)
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
	sum := Stat{CPU: slices.Clone(s.CPU)}
	for _, c := range from.CPU {
		t := sum.of(c.Number)
		*t = t.Plus(from.Until(to, []int{c.Number}))
	}
	return sum
}

// Steal is the share of the time of the CPUs, all if cpus is empty, that was
// stolen between s and the later b: 0 to 1, and 0 if no time passed.
func (s Stat) Steal(b Stat, cpus []int) float64 { return s.Until(b, cpus).StealShare() }
