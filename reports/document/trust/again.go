package trust

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/record"
)

// subject is a scenario to measure again.
type subject struct {
	name string
	axes map[string]string // all of them, as its records have them
}

// again is a command that makes the run of f again, or measures only one scenario of it,
// with more arguments, which replace those of the run. It leaves out where the results of
// the run went. It is "" where the arguments of the run are not known to select that on
// this host.
func again(f *record.File, only *subject, more ...string) string {
	args := arguments(f.Run, only != nil)
	if args == nil {
		return ""
	}
	for _, a := range more {
		if slices.Contains(replaced, a) {
			args = without(args, a)
		}
	}
	if only != nil {
		filter, ok := alone(f, *only)
		if !ok {
			return ""
		}
		args = append(args, "--filter", filter)
	}
	args = append(args, more...)
	for i, a := range args {
		args[i] = quoted(a)
	}
	return "sudo tunbench " + strings.Join(args, " ")
}

// alone is the filter that selects s and no other scenario of what the arguments of the run
// select.
func alone(f *record.File, s subject) (filter string, ok bool) {
	runs := figure.RunsOf(f.Run)
	if f.Run.Shard != nil || len(f.Run.Missing()) > 0 || f.End == nil && slices.ContainsFunc(runs, func(r *record.Run) bool { return r.Plan == nil }) {
		return axis.Whole(s.name, s.axes) // the file does not name the others
	}
	others := map[string]bool{}
	for _, r := range runs {
		if r.Plan != nil {
			for _, t := range r.Plan.Timings {
				for _, name := range t.Scenarios {
					others[name] = true
				}
			}
		}
	}
	for i := range f.Trials {
		others[f.Trials[i].Scenario] = true
	}
	for _, skip := range f.Skips {
		others[skip.Scenario] = true
	}
	return axis.Only(s.name, s.axes, slices.Sorted(maps.Keys(others)))
}

// arguments are those of tunbench run which made the run, as far as they say what is
// measured: those that all parts of a merged run have, without their share; of a part alone
// its share is kept unless a single scenario is measured. They are nil where the run was not
// made by tunbench run on its host.
func arguments(r *record.Run, single bool) []string {
	var args []string
	for i, part := range figure.RunsOf(r) {
		own := typed(part, single || len(r.Parts) > 0)
		if own == nil || i > 0 && !slices.Equal(own, args) {
			return nil
		}
		args = own
	}
	return args
}

// Flags that again leaves out: those with a value, and the others.
var (
	valued  = []string{"--out", "--format"}
	boolean = []string{"--quiet", "--verbose", "--json", "--full", "--github"}
)

// replaced are the flags of which a command has one at most.
var replaced = []string{"--trials", "--measure"}

// enough reports whether the value of a flag in replaced suffices for an interval. One that
// does not was the user's for a first look; without it, the suite's own applies.
func enough(name, value string) bool {
	if name == "--trials" {
		n, err := strconv.Atoi(value)
		return err == nil && n >= figure.Fewest
	}
	d, err := time.ParseDuration(value)
	return err == nil && d >= record.LeastMeasureNs
}

// without is args without a flag and its value.
func without(args []string, flag string) (kept []string) {
	for i := 0; i < len(args); i++ {
		name, _, together := strings.Cut(args[i], "=")
		switch {
		case name != flag:
			kept = append(kept, args[i])
		case !together:
			i++
		}
	}
	return kept
}

// typed are the arguments of r from the name of the command on. They are nil where it is not
// run, or resumes another, and where the run is that of a guest: the host has another kernel.
func typed(r *record.Run, whole bool) (kept []string) {
	global := func(a string) bool {
		name, _, _ := strings.Cut(a, "=")
		return name == "--quiet" || name == "--verbose" || len(name) > 1 && name[0] == '-' && strings.Trim(name[1:], "qv") == ""
	}
	from := slices.IndexFunc(r.Args, func(a string) bool { return !global(a) })
	if from < 0 || r.Args[from] != "run" || r.Host.Outer != nil || r.Clock == record.ClockICount {
		return nil
	}
	for i := from; i < len(r.Args); i++ {
		a := r.Args[i]
		name, value, together := strings.Cut(a, "=")
		if !together && i+1 < len(r.Args) {
			value = r.Args[i+1]
		}
		switch {
		case name == "--resume":
			return nil
		case slices.Contains(valued, name), slices.Contains(replaced, name) && !enough(name, value), name == "--shard" && whole:
			if !together {
				i++ // its value
			}
		case global(a), slices.Contains(boolean, name):
		default:
			kept = append(kept, a)
		}
	}
	return kept
}

// quoted is a as a shell reads it.
func quoted(a string) string {
	if a != "" && strings.IndexFunc(a, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_=./,:+%@", r))
	}) < 0 {
		return a
	}
	return "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
}
