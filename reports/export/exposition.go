package export

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// exposition is metrics by family: the format wants each family in one piece.
type exposition struct {
	families []*family
}

// run adds the figures of f.
func (e *exposition) run(f *record.File, base labels) {
	r := f.Run
	e.add("run_info", "", "The run, its host and its tool; settings of the kernel are in run.jsonl only", base.
		with("id", r.ID).with("suite", r.Suite).with("clock", r.Clock).with("hook", r.Hook.Used).
		with("version", r.Tool.Version).with("commit", r.Tool.Commit).with("go", r.Tool.Go).
		with("kernel", r.Host.Kernel).with("kernel_version", r.Host.KernelVersion).with("arch", r.Host.Arch).
		with("cpu", r.Host.CPU).with("cpus", fmt.Sprint(r.Host.CPUs)).with("smt", r.Host.SMT).with("virt", r.Host.Virt).
		with("clocksource", r.Host.Clocksource).with("governor", r.Host.Governor), 1)
	if t, err := time.Parse(time.RFC3339Nano, r.Started); err == nil {
		e.add("run_start_timestamp_seconds", "seconds", "When the run began, since 1970", base, float64(t.Unix()))
	}
	complete := 0.0
	if f.End != nil {
		complete = 1
		e.add("run_exit_code", "", "Exit code of the run", base, float64(f.End.Exit))
	}
	e.add("run_complete", "", "1 if the run came to its end, 0 if it was interrupted", base, complete)
	for _, metric := range slices.Sorted(maps.Keys(r.Sees)) {
		e.add("visible_change_ratio", "ratio", "Smallest change that A/A runs on this host could see", base.with("metric", metric), r.Sees[metric])
	}
	sound := r.Floor.Fault() == ""
	if sound && r.Floor.SyscallNs > 0 {
		e.add("bare_system_call_seconds", "seconds", "Time of a bare system call on this host", base, r.Floor.SyscallNs/1e9)
	}
	for _, size := range figure.CopySizes(r.Floor) {
		if !sound {
			break
		}
		e.add("bare_copy_seconds", "seconds", "Time of a copy of so many bytes to user space on this host", base.with("size", size), r.Floor.CopyNs[size]/1e9)
	}
	for _, s := range figure.Subjects(f) {
		e.subject(s, base)
	}
}

func (e *exposition) subject(s *figure.Subject, base labels) {
	own := base.scenario(s.Scenario).with("arm", string(s.Arm))
	if s.Variant != "" {
		own = own.with("variant", s.Variant)
	}
	e.add("valid_trials", "", "Trials whose figures may be used; with none of them a scenario has no figures here", own, float64(s.Valid))
	e.add("invalid_trials", "", "Trials whose figures must not be used", own, float64(s.Trials-s.Valid))
	for _, flag := range s.Flags {
		e.add("flagged_trials", "", "Trials that have a flag", own.with("flag", flag), float64(s.Flagged[flag]))
	}
	for _, skip := range s.Skips {
		e.add("skipped", "", "1 for a scenario that was not measured, and why", own.with("reason", skip.Reason).with("detail", skip.Detail), 1)
	}
	for _, goal := range s.Unresolved {
		e.add("unresolved", "", "1 for a rate that a search did not find, and why", own.with("goal", goal), 1)
	}
	for _, m := range s.Measures {
		name, help := gaugeOf(m)
		of := own
		switch {
		case m.Latency != "":
			of = of.with("latency", m.Latency).with("percentile", m.Percentile)
		case name.Family == "other":
			of = of.with("metric", m.Metric)
		}
		suffix := ""
		if name.Unit != "" {
			suffix = "_" + name.Unit
		}
		e.add(name.Family+suffix, name.Unit, help+"; median of the valid trials", of, m.Value/name.Per)
		if m.Within != figure.Confident && m.Within != figure.SearchBound {
			continue // fewer than six trials have no 95 % interval
		}
		help += "; 95 % interval of the median, or the bounds that a search left"
		e.add(name.Family+"_interval"+suffix, name.Unit, help, of.with("bound", "lower"), m.Interval.Low/name.Per)
		e.add(name.Family+"_interval"+suffix, name.Unit, help, of.with("bound", "upper"), m.Interval.High/name.Per)
	}
}

// add gives the family a sample. It takes the first of equal labels: those of
// skips that were recorded twice.
func (e *exposition) add(name, unit, help string, of labels, value float64) {
	name = "tunbench_" + name
	i := slices.IndexFunc(e.families, func(f *family) bool { return f.name == name })
	if i < 0 {
		i, e.families = len(e.families), append(e.families, &family{name: name, unit: unit, help: help, seen: map[string]bool{}})
	}
	f, key := e.families[i], of.String()
	if f.seen[key] {
		return
	}
	f.seen[key] = true
	fmt.Fprintf(&f.samples, "%s%s %s\n", name, key, text.Exact(value))
}

func (e *exposition) bytes() []byte {
	var b bytes.Buffer
	for _, f := range e.families {
		fmt.Fprintf(&b, "# HELP %s %s\n# TYPE %s gauge\n", f.name, f.help, f.name)
		if f.unit != "" {
			fmt.Fprintf(&b, "# UNIT %s %s\n", f.name, f.unit)
		}
		b.Write(f.samples.Bytes())
	}
	b.WriteString("# EOF\n")
	return b.Bytes()
}

type family struct {
	name, unit, help string
	samples          bytes.Buffer
	seen             map[string]bool // by labels
}

// labels are names and values, in their order.
type labels [][2]string

// with gives l and one more. A label without a value is none, so that it is
// left out; of two with one name the first counts.
func (l labels) with(name, value string) labels {
	if value == "" || slices.ContainsFunc(l, func(p [2]string) bool { return p[0] == name }) {
		return l
	}
	return append(slices.Clip(l), [2]string{name, value})
}

// scenario gives l and the labels of a scenario: its full name and, for
// queries, its mode and each axis in the name by itself. An axis whose name
// cannot be a label is in the full name only.
func (l labels) scenario(name string) labels {
	l = l.with("scenario", name)
	mode, axes := axis.Split(name)
	l = l.with("mode", strings.ToLower(mode))
	for _, a := range axes {
		if axis, value, ok := strings.Cut(a, "="); ok && labelName.MatchString(axis) && !slices.Contains(reserved, axis) {
			l = l.with(axis, value)
		}
	}
	return l
}

func (l labels) String() string {
	if len(l) == 0 {
		return ""
	}
	pairs := make([]string, len(l))
	for i, p := range l {
		pairs[i] = p[0] + `="` + labelText.Replace(strings.ToValidUTF8(p[1], "\uFFFD")) + `"`
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

// reserved are labels that an axis must not take.
var reserved = []string{"arm", "variant", "flag", "reason", "detail", "goal", "latency", "percentile", "metric", "bound", "verdict", "side"}

var labelName = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9_]*$`)

// labelText escapes what both formats escape; all else stands for itself, NUL
// included.
var labelText = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)
