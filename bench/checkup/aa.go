package checkup

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"tunbench/bench/compare"
	"tunbench/harness/doctor"
	"tunbench/reports/aa"
	"tunbench/reports/document"
	"tunbench/reports/metric"
	"tunbench/reports/record"
)

// AA lists the A/A runs that are kept of this host, and how old they are.
func AA(host record.Host, now time.Time) doctor.Section {
	s := doctor.Section{Title: "A/A runs of this host: what it can see"}
	dir, err := aa.Dir()
	if err != nil {
		s.Rows = []doctor.Row{{Name: "kept", Status: doctor.StatusUnknown, Detail: err.Error()}}
		return s
	}
	all, file, err := aa.Stored(dir, host)
	switch {
	case err != nil:
		s.Rows = []doctor.Row{{Name: "kept", Status: doctor.StatusWarning, Detail: err.Error(), Advice: "forget what is kept: " + compare.ForgetCommand}}
		return s
	case len(all) == 0:
		s.Rows = []doctor.Row{{Name: "kept", Status: doctor.StatusUnknown, Detail: "none: how small a change this host can show is not known; compare equal variants: sudo tunbench ab --a size=64 --b size=64"}}
		return s
	}
	for _, r := range slices.Backward(all) {
		s.Rows = append(s.Rows, aaRow(r, host, now))
	}
	s.Rows = append(s.Rows, doctor.Row{Name: "kept", Status: doctor.StatusOK, Detail: file + "; to forget all of them: " + compare.ForgetCommand})
	return s
}

// aaRow describes one stored A/A run: whether it is used, what it showed, and how old it
// is.
func aaRow(r aa.Result, host record.Host, now time.Time) doctor.Row {
	row := doctor.Row{Name: r.Scenario, Status: doctor.StatusUsed}
	age := "at a time that cannot be read"
	if measured, err := time.Parse(time.RFC3339, r.Measured); err == nil {
		age = ago(now.Sub(measured)) + " (" + r.Measured + ")"
	}
	disturbed := "disturbed trials were not counted"
	if r.Trials > 0 {
		disturbed = fmt.Sprintf("%d of %d trials disturbed", r.Disturbed, r.Trials)
	}
	fit, wrong := r.Fit(metric.RefuseDetectable)
	var parts []string
	switch {
	case r.Kernel != host.Kernel || r.KernelVersion != host.KernelVersion:
		row.Status = doctor.StatusUnknown
		parts = append(parts, "not used: made under another kernel, "+r.Kernel)
	case len(fit.Seen) == 0:
		row.Status = doctor.StatusWarning
		parts = append(parts, "not used: "+r.Unfit(metric.RefuseDetectable))
		row.Advice = "compare equal variants again when the host is quiet, or forget it: " + compare.ForgetCommand
	default:
		parts = append(parts, "detects changes of "+document.DetectableText(fit.Seen))
		for _, metric := range slices.Sorted(maps.Keys(wrong)) {
			parts = append(parts, "not used for "+metric+": "+wrong[metric])
		}
	}
	row.Detail = strings.Join(append(parts, fmt.Sprintf("%d pairs, %s, %s", r.Pairs, disturbed, age)), "; ")
	return row
}

// ago formats an age in the largest unit of which there is more than one.
func ago(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%d days ago", int(d/day))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours ago", int(d/time.Hour))
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes ago", int(d/time.Minute))
	}
	return "just now"
}
