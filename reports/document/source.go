package document

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// SourceOf says where, when and with what runs were measured, for the foot of pictures:
// the host with its CPUs, the kernel, the date and the tunbench. A picture that is quoted
// without its report still says it.
func SourceOf(runs ...*record.Run) string {
	var each []*record.Run
	for _, r := range runs {
		if r != nil {
			each = append(each, figure.RunsOf(r)...)
		}
	}
	distinct := func(kind string, of func(*record.Run) string) string {
		var list []string
		for _, r := range each {
			if v := of(r); v != "" && !slices.Contains(list, v) {
				list = append(list, v)
			}
		}
		if len(list) > mostSources {
			return book.Text("source of several "+kind, prose.Values{"N": len(list)})
		}
		return strings.Join(list, ", ")
	}
	return joinSource(
		distinct("hosts", func(r *record.Run) string { return machine(r.Host) }),
		distinct("kernels", func(r *record.Run) string {
			if r.Host.Kernel == "" {
				return ""
			}
			return "Linux " + r.Host.Kernel
		}),
		distinct("clocks", func(r *record.Run) string {
			if r.Clock != record.ClockICount {
				return ""
			}
			return book.Text("source in virtual time", nil)
		}),
		days(each),
		distinct("tools", func(r *record.Run) string {
			return book.Text("source tool", prose.Values{"Build": buildOf(r.Tool)})
		}),
	)
}

const (
	// mostSources is how many kernels, hosts or tools the foot of a picture names.
	mostSources = 4
	// commitDigits is how much of a commit is enough to find it.
	commitDigits = 12
)

// buildOf is the version of a tunbench and its commit, which a version may be itself.
func buildOf(t record.Tool) string {
	commit := t.Commit[:min(len(t.Commit), commitDigits)]
	if t.Version != "" && strings.HasPrefix(t.Commit, strings.TrimSuffix(t.Version, "-dirty")) {
		return t.Version
	}
	if t.Version == "(devel)" && commit != "" {
		return commit
	}
	return strings.Join(text.NonEmpty(t.Version, commit), " ")
}

// machine names a host: its CPUs, and whether it is a virtual machine.
func machine(h record.Host) string {
	if o := h.Outer; o != nil {
		return book.Text("source of a guest", prose.Values{"Kind": h.Virt, "Machine": machine(record.Host{CPU: o.CPU, CPUs: o.CPUs, Virt: o.Virt})})
	}
	s := h.CPU
	if h.CPUs > 0 {
		s = fmt.Sprintf("%d × %s", h.CPUs, cmp.Or(h.CPU, book.Text("source of unknown CPU", nil)))
	}
	if s != "" && h.Virt != "" && h.Virt != "none" {
		s += " " + book.Text("source of a virtual machine", prose.Values{"Kind": h.Virt})
	}
	return s
}

// days is when runs began, from the first to the last.
func days(runs []*record.Run) string {
	var all []string
	for _, r := range runs {
		if r.Started != "" {
			all = append(all, text.Clock(r.Started))
		}
	}
	if len(all) == 0 {
		return ""
	}
	slices.Sort(all)
	first, last := all[0], all[len(all)-1]
	if first == last {
		return first
	}
	day := func(clock string) string { d, _, _ := strings.Cut(clock, " "); return d }
	return text.Between(day(first), day(last))
}

func joinSource(parts ...string) string { return strings.Join(text.NonEmpty(parts...), " · ") }

// Counted says how many trials, or of what else, the figures of a picture come from. of
// begins with the plural of what is counted.
func Counted(counts []int, of string) string {
	if len(counts) == 0 {
		return ""
	}
	low, high := slices.Min(counts), slices.Max(counts)
	if high == 1 && low == 1 {
		what, rest, _ := strings.Cut(of, " ")
		of = strings.TrimSpace(strings.TrimSuffix(what, "s") + " " + rest)
	}
	return "n = " + text.Between(text.Count(uint64(max(low, 0))), text.Count(uint64(max(high, 0)))) + " " + of
}

// TrialsEach is Counted for the headlines of scenarios.
func TrialsEach(list []*figure.Scenario) string {
	var counts []int
	for _, s := range list {
		counts = append(counts, len(s.Head().Used))
	}
	return OfTrials(counts)
}

// OfTrials is Counted for figures that come from so many trials each.
func OfTrials(counts []int) string { return Counted(counts, book.Text("trials each", nil)) }

// TrialsIn is TrialsEach for the trials of one arm.
func TrialsIn(arm record.Arm, list []*figure.Scenario) string {
	var counts []int
	for _, s := range list {
		of := s.Bare
		if arm == record.Observed {
			of = s.Observ
		}
		counts = append(counts, len(of.Used))
	}
	return OfTrials(counts)
}

// Pairs, EachSide, Boots, Runs, Blocks and Intervals are what figures may come from beside trials.
func Pairs() string      { return book.Text("pairs", nil) }
func EachSide() string   { return book.Text("trials on each side", nil) }
func Boots() string      { return book.Text("boots", nil) }
func FirstTrial() string { return Counted([]int{1}, book.Text("first trial", nil)) }
func Runs() string       { return book.Text("runs", nil) }
func Blocks() string     { return book.Text("blocks", nil) }
func Intervals() string  { return book.Text("intervals", nil) }
