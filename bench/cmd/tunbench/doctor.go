package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"tunbench/bench"
)

func (a *app) doctorCommand() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "tell what this kernel and host can do, and what would spoil a measurement",
		Long: `doctor tries every hook and every device option on this kernel, rung by rung and
option by option, and looks for what would spoil a measurement: half a second with
the gates that every trial must pass, then the settings of the host.`,
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

func printDoctor(w io.Writer, report bench.Report) error {
	for i, s := range report.Sections {
		if i > 0 {
			fmt.Fprintln(w)
		}
		width := 0
		for _, r := range s.Rows {
			width = max(width, len(r.Name))
		}
		fmt.Fprintln(w, s.Title)
		for _, r := range s.Rows {
			line := fmt.Sprintf("  %-11s  %-*s  %s", r.Status, width, r.Name, r.Detail)
			if _, err := fmt.Fprintln(w, strings.TrimRight(line, " ")); err != nil {
				return err
			}
			if r.Advice != "" {
				fmt.Fprintf(w, "  %-11s  %-*s  -> %s\n", "", width, "", r.Advice)
			}
		}
	}
	return nil
}
