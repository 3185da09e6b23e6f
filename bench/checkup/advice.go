package checkup

import (
	"fmt"
	"slices"
	"strings"

	"tunbench/harness/doctor"
	"tunbench/reports/screen"
)

// adviseOn lists each finding that can be fixed or that makes scenarios impossible: what
// it is, why it matters, and what to do. Features that are merely absent are named.
func adviseOn(b *strings.Builder, on screen.Screen, report doctor.Report) {
	const indent = "     "
	n := 0
	// finding writes the lines of one finding; long lines are wrapped and indented.
	finding := func(tone screen.Tone, title, why, do, command string) {
		n++
		for i, line := range screen.Wrap(on.Text(title), max(0, on.Columns-len(indent)), "") {
			number := indent
			if i == 0 {
				number = fmt.Sprintf("%3d. ", n)
			}
			fmt.Fprintln(b, number+on.Paint(tone, line))
		}
		for _, part := range []struct{ label, text string }{{"why: ", why}, {"do:  ", do}} {
			if part.text == "" {
				continue
			}
			for i, line := range screen.Wrap(on.Text(part.text), max(0, on.Columns-len(indent)-len(part.label)), "") {
				label := part.label
				if i > 0 {
					label = strings.Repeat(" ", len(label))
				}
				fmt.Fprintln(b, indent+label+line)
			}
		}
		if command != "" {
			fmt.Fprintln(b, indent+on.Paint(screen.Strong, "$ "+command)) // whole, to be copied
		}
	}
	fmt.Fprintln(b, on.Paint(screen.Strong, "What to do next"))
	failed := false
	var absent []string
	for _, s := range report.Sections {
		held := slices.ContainsFunc(s.Rows, func(r doctor.Row) bool { return r.Status == doctor.StatusUsed })
		if s.Title == doctor.SectionObserver && !held {
			finding(screen.Caution, "no hook of the observer attaches on this kernel", "only bare trials can be made: queues, residency and the reasons of drops are not observed", "", "tunbench run --arm bare")
		}
		for _, r := range s.Rows {
			tone, title := rowTones[r.Status], r.Name+": "+r.Detail
			remedy := r.Remedy()
			switch r.Status {
			case doctor.StatusUnsupported:
				if remedy.Why == "" && r.Advice == "" {
					absent = append(absent, r.Name)
					continue
				}
				tone, title = screen.Plain, r.Name // its detail is an errno
			case doctor.StatusFailed:
				failed = true
			case doctor.StatusWarning:
			default:
				continue
			}
			finding(tone, title, remedy.Why, r.Advice, remedy.Command)
		}
	}
	if len(absent) > 0 {
		for _, line := range screen.Wrap("Not in this kernel, and needed by no scenario: "+strings.Join(absent, ", ")+".", max(0, on.Columns-2), "  ") {
			fmt.Fprintln(b, "  "+line)
		}
	}
	switch {
	case failed:
		fmt.Fprintln(b, "  Fix what failed first. Without root, bare throughput: tunbench run --userns --suite smoke")
	case n > 0:
		fmt.Fprintln(b, "  Measure with that in mind: sudo tunbench run --suite smoke")
	default:
		fmt.Fprintln(b, "  Nothing to fix. Measure: sudo tunbench run --suite smoke")
	}
}
