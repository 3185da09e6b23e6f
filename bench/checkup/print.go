// Package checkup prints what doctor found out about a host, the A/A runs that are
// stored for this host, and what to do about each finding.
package checkup

import (
	"fmt"
	"io"
	"strings"

	"tunbench/harness/doctor"
	"tunbench/reports/screen"
)

// rowTones are how rows look, by their status.
var rowTones = map[string]screen.Tone{
	doctor.StatusOK: screen.Good, doctor.StatusUsed: screen.Good, doctor.StatusUnsupported: screen.Faint,
	doctor.StatusFailed: screen.Bad, doctor.StatusWarning: screen.Caution, doctor.StatusUnknown: screen.Faint,
}

// Columns of a row.
const (
	statusColumns = len("  unsupported  ")
	leastDetail   = 40 // with fewer, the detail stands below the name
)

// Print prints the findings, then what to do about them.
func Print(w io.Writer, report doctor.Report) error {
	on := screen.Of(w)
	var b strings.Builder
	for _, s := range report.Sections {
		width := 0
		for _, r := range s.Rows {
			width = max(width, len(r.Name))
		}
		fmt.Fprintln(&b, on.Paint(screen.Strong, s.Title))
		indent := statusColumns + width + 2
		below := on.Columns > 0 && on.Columns-indent < leastDetail
		if below {
			indent = statusColumns
		}
		for _, r := range s.Rows {
			line := "  " + on.Paint(rowTones[r.Status], fmt.Sprintf("%-*s", statusColumns-2, r.Status))
			if r.Detail == "" {
				fmt.Fprintln(&b, line+r.Name)
				continue
			}
			details := screen.Wrap(on.Text(r.Detail), max(0, on.Columns-indent), "")
			if below {
				fmt.Fprintln(&b, line+r.Name)
			} else {
				fmt.Fprintf(&b, "%s%-*s  %s\n", line, width, r.Name, details[0])
				details = details[1:]
			}
			for _, detail := range details {
				fmt.Fprintln(&b, strings.Repeat(" ", indent)+detail)
			}
		}
		fmt.Fprintln(&b)
	}
	adviseOn(&b, on, report)
	_, err := io.WriteString(w, b.String())
	return err
}
