package main

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"tunbench/reports"
	"tunbench/reports/record"
)

// formats that report can write, the default first.
var formats = []string{"markdown"}

func checkFormat(format string) error {
	if !slices.Contains(formats, format) {
		return fmt.Errorf("--format %q: choose %s", format, strings.Join(formats, ", "))
	}
	return nil
}

func (a *app) reportCommand() *cobra.Command {
	var out, format string
	cmd := &cobra.Command{
		Use:   "report RUN...",
		Short: "render run files",
		Long: `report makes the report of each RUN, a folder or a run.jsonl, from that file
alone. Without --out the markdown goes to stdout, without charts. It needs
neither root nor the kernel that was measured.`,
		Example: `  tunbench report reports/runs/20260102T030405Z-6.18.0
  tunbench report run.jsonl --out rendered`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, runs []string) error {
			if err := checkFormat(format); err != nil {
				return err
			}
			return a.render(runs, out)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder to write report.md and charts to; with several runs, a folder for each inside it")
	cmd.Flags().StringVar(&format, "format", formats[0], strings.Join(formats, ", "))
	_ = cmd.MarkFlagDirname("out")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) render(runs []string, out string) error {
	// Every file is read before the first is rendered: half a result on stdout
	// helps nobody.
	files := make([]*record.File, len(runs))
	for i, run := range runs {
		f, err := record.ReadFile(run)
		if err != nil {
			return err
		}
		for _, w := range f.Warnings {
			a.warnf("%s: %s", run, w)
		}
		files[i] = f
	}
	if out == "" {
		for i, f := range files {
			if i > 0 {
				fmt.Fprintln(a.stdout)
			}
			if err := printReport(a.stdout, runs[i], f); err != nil {
				return fmt.Errorf("report on %s: %w", runs[i], err)
			}
		}
		return nil
	}
	folders := map[string]string{}
	for i, f := range files {
		dir := out
		if len(files) > 1 {
			dir = filepath.Join(out, runName(runs[i]))
			if other, taken := folders[dir]; taken {
				return fmt.Errorf("%s and %s would both be written to %s: render them one by one", other, runs[i], dir)
			}
			folders[dir] = runs[i]
		}
		if err := writeReport(dir, runs[i], f); err != nil {
			return fmt.Errorf("report on %s: %w", runs[i], err)
		}
	}
	return nil
}

// printReport prints the report that the kind of file asks for: on a run, or on
// the two variants of tunbench ab.
func printReport(w io.Writer, run string, f *record.File) error {
	if !reports.HoldsVariants(f) {
		return reports.Markdown(w, f, reports.Options{})
	}
	c, err := reports.CompareVariants(f, reports.CompareOptions{BaseName: run})
	if err != nil {
		return err
	}
	return reports.ComparisonMarkdown(w, c)
}

// writeReport writes it into dir.
func writeReport(dir, run string, f *record.File) error {
	if !reports.HoldsVariants(f) {
		return reports.Write(dir, f)
	}
	c, err := reports.CompareVariants(f, reports.CompareOptions{BaseName: run})
	if err != nil {
		return err
	}
	return reports.WriteComparison(dir, c)
}

// runName is the name of a run's folder.
func runName(run string) string {
	if abs, err := filepath.Abs(run); err == nil {
		run = abs
	}
	if filepath.Base(run) == record.FileName {
		run = filepath.Dir(run)
	}
	return filepath.Base(run)
}
