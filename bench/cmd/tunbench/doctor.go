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
		Short: "report what this kernel and host can do, and what would spoil a measurement",
		Args:  cobra.NoArgs,
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
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object: sections with rows of name, status, detail, advice")
	return cmd
}
