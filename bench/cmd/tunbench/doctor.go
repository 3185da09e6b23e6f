package main

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"tunbench/harness/doctor"
	"tunbench/reports/screen"
)

func (a *app) doctorCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "tell what this kernel and host can do, and what would spoil a measurement",
		Long: `doctor tries every hook and every device option on this kernel, rung by rung and
option by option, and looks for what would spoil a measurement: half a second with
the gates that every trial must pass, then the settings of the host, and what is
kept of A/A runs on it. At the end it lists what to do: each finding, why it matters, and the command that mends it.`,
		Example: `  sudo tunbench doctor
  sudo tunbench doctor --json | jq -r '.sections[].rows[] | select(.status == "unsupported") | .name + ": " + .detail'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			report, err := a.doctor(cmd.Context())
			if cmd.Context().Err() != nil {
				return exitError{exitInterrupted, nil}
			}
			if err != nil {
				return fmt.Errorf("examine host: %w", err)
			}
			report.Sections = append(report.Sections, aaSection(a.host(), time.Now()))
			if asJSON {
				enc := json.NewEncoder(a.stdout)
				enc.SetEscapeHTML(false)
				return enc.Encode(report)
			}
			return printDoctor(a.stdout, report)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one object: sections with rows of name, status, detail, advice")
	return cmd
}

// rowTones are how rows look, by their status.
var rowTones = map[string]screen.Tone{
	doctor.StatusOK: screen.Good, doctor.StatusUsed: screen.Good, doctor.StatusUnsupported: screen.Faint,
	doctor.StatusFailed: screen.Bad, doctor.StatusWarning: screen.Caution, doctor.StatusUnknown: screen.Faint,
}

// Columns of a row.
const (
	statusColumns = len("  unsupported  ")
	leastDetail   = 40 // with fewer, it stands below the name
)

// printDoctor tells what was found, then what to do about it.
func printDoctor(w io.Writer, report doctor.Report) error {
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

// adviseOn lists each finding that can be mended, or that costs scenarios: what it
// is, why it matters, what to do. What is merely not there is named.
func adviseOn(b *strings.Builder, on screen.Screen, report doctor.Report) {
	const indent = "     "
	n := 0
	// finding writes the lines of one; what is long goes on below its beginning.
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
			finding(screen.Caution, "no rung of the observer holds on this kernel", "only bare trials can be made: nobody sees queues, residency and the reasons of drops", "", "tunbench run --arm bare")
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
		for _, line := range screen.Wrap("Not in this kernel, which no scenario needs: "+strings.Join(absent, ", ")+".", max(0, on.Columns-2), "  ") {
			fmt.Fprintln(b, "  "+line)
		}
	}
	switch {
	case failed:
		fmt.Fprintln(b, "  Mend what failed first. Without root, bare throughput: tunbench run --userns --suite smoke")
	case n > 0:
		fmt.Fprintln(b, "  Measure with that in mind: sudo tunbench run --suite smoke")
	default:
		fmt.Fprintln(b, "  Nothing to mend. Measure: sudo tunbench run --suite smoke")
	}
}
