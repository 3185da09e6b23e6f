package main

import (
	"encoding/json"
	"fmt"
	"time"

	"tunbench/bench/checkup"

	"github.com/spf13/cobra"
)

func doctorCommand(a *app) *cobra.Command {
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
			report.Sections = append(report.Sections, checkup.AA(a.host(), time.Now()))
			if asJSON {
				enc := json.NewEncoder(a.stdout)
				enc.SetEscapeHTML(false)
				return enc.Encode(report)
			}
			return checkup.Print(a.stdout, report)
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one object: sections with rows of name, status, detail, advice")
	return cmd
}
