package main

import (
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tunbench/bench/completion"
	"tunbench/bench/folder"
	"tunbench/reports/disk"
	"tunbench/reports/export"
	"tunbench/reports/record"
)

// formatFlag adds --format to a command that writes reports on runs or, if comparison is
// set, on comparisons.
func formatFlag(cmd *cobra.Command, into *string, fallback, usage string, comparison bool) {
	names := export.FormatNames(comparison)
	cmd.Flags().StringVar(into, "format", fallback, usage+": "+strings.Join(names, ", "))
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
}

// fullFlag adds --full to a command that reports on runs.
func fullFlag(f *pflag.FlagSet, into *bool) {
	f.BoolVar(into, "full", false, "leave nothing out of the report: each trial and each setting of the host")
}

// defaultFormat is the first of all formats.
var defaultFormat = export.Formats[0].Name

func reportCommand(a *app) *cobra.Command {
	var out, format string
	var plots []string
	var full bool
	cmd := &cobra.Command{
		Use:   "report RUN...",
		Short: "render run files",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, runs []string) error {
			f, err := export.FindFormat(format, format == export.CommitFormat) // which a file of ab can have
			if err != nil {
				return err
			}
			if f, err = export.OfPlots(f, plots); err != nil {
				return err
			}
			if len(plots) > 0 && full {
				return errors.New("--plot draws figures instead of the report: leave out --full")
			}
			if out == "" && f.Each && f.Whole && len(runs) > 1 {
				return fmt.Errorf("--format %s makes a document of each of the %d runs: name a folder with --out, or render them one by one", f.Name, len(runs))
			}
			if full {
				f = f.Full()
			}
			return renderRuns(a, runs, out, f)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder to write the report to; with a report for each of several runs, a folder for each inside it")
	formatFlag(cmd, &format, defaultFormat, "format of the report", false)
	cmd.Flags().StringArrayVar(&plots, "plot", nil, "instead of the whole report, draw a figure over an axis of numbers: x=AXIS,y=METRIC,by=AXIS, and AXIS=VALUE for scenarios to keep; may repeat")
	_ = cmd.RegisterFlagCompletionFunc("plot", completion.Plot)
	fullFlag(cmd.Flags(), &full)
	_ = cmd.MarkFlagDirname("out")
	return cmd
}

func renderRuns(a *app, names []string, out string, format export.Format) error {
	debug.SetGCPercent(export.GCPercent)
	// Every file is read before the first is rendered, so that stdout never holds half a
	// result.
	runs := make([]record.Named, len(names))
	for i, name := range names {
		f, err := record.ReadFile(name)
		if err != nil {
			return err
		}
		for _, w := range f.Warnings {
			a.warnf("%s: %s", name, w)
		}
		if holder := disk.Holder(name); holder != "" && f.End == nil {
			a.warnf("%s: is being written by %s: this is what it holds so far", name, holder)
		}
		runs[i] = record.Named{Name: name, File: f}
	}
	parts := [][]record.Named{runs}
	if format.Each {
		parts = slices.Collect(slices.Chunk(runs, 1))
	}
	if out == "" {
		for i, part := range parts {
			if i > 0 {
				fmt.Fprintln(a.stdout)
			}
			if err := format.Print(a.stdout, part); err != nil {
				return fmt.Errorf("report on %s: %w", part[0].Name, err)
			}
		}
		return nil
	}
	folders := map[string]string{}
	for _, part := range parts {
		dir := out
		if len(parts) > 1 {
			dir = filepath.Join(out, folder.Name(part[0].Name))
			if other, taken := folders[dir]; taken {
				return fmt.Errorf("%s and %s would both be written to %s: render them one by one", other, part[0].Name, dir)
			}
			folders[dir] = part[0].Name
		}
		var reported []string
		for _, run := range part {
			reported = append(reported, run.Name)
		}
		if err := folder.ForReport(dir, reported...); err != nil {
			return err
		}
		if _, err := format.Write(dir, part); err != nil {
			return fmt.Errorf("report on %s: %w", part[0].Name, err)
		}
	}
	return nil
}
