package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tunbench/bench/boot"
	"tunbench/bench/completion"
	"tunbench/bench/folder"
	"tunbench/bench/kernels"
	"tunbench/reports/export"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/verdict"
)

// kernelsOptions are the flags of tunbench kernels.
type kernelsOptions struct {
	kernels []string
	appends repeated // one for all kernels, or one each
	machine boot.Machine
	out     string
	from    string
	json    bool
	format  string // "", or one of kernelsFormats
	strict  bool
	study   bool
	only    bool // check, and boot nothing
	allow   []string
	bisect  kernels.Bisect
	what    kernels.Selection
}

// repeated is a flag that may be given several times, whose values may hold
// commas and may be empty.
type repeated []string

func (r *repeated) String() string     { return strings.Join(*r, " ") }
func (r *repeated) Type() string       { return "stringArray" }
func (r *repeated) Set(v string) error { *r = append(*r, v); return nil }

// kernelsFormats are the values of --format beside report.md and the table.
var kernelsFormats = []string{export.CommitFormat, export.HTMLFormat, export.PNGFormat}

// bootsEach is the default of --boots: one boot would not show the spread.
const bootsEach = 2

func kernelsCommand(a *app) *cobra.Command {
	return kernelsIn(a, kernels.Virtual{Terminal: a.terminal()})
}

// kernelsIn is the command with the guests that g finds.
func kernelsIn(a *app, g kernels.Guests) *cobra.Command {
	var o kernelsOptions
	cmd := &cobra.Command{
		Use:   "kernels",
		Short: "boot kernels in QEMU, measure the same on each, compare",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := verdict.CheckAllow(o.allow); err != nil {
				return err
			}
			switch {
			case o.format != "" && !slices.Contains(kernelsFormats, o.format):
				return fmt.Errorf("--format %q: choose %s, or leave it out for the table; report.md is always written", o.format, strings.Join(kernelsFormats, ", "))
			case o.study && o.format == export.CommitFormat:
				return fmt.Errorf("--study has no --format %s: choose %s or %s, or leave it out", export.CommitFormat, export.HTMLFormat, export.PNGFormat)
			}
			if o.from != "" {
				boots := slices.Concat(kernels.SelectionFlags, []string{"kernel", "arch", "guest-binary", "boots", "icount", "accel", "smp", "memory", "append", "timeout", "check"})
				if err := leaveOut(cmd, "--from boots nothing", anyOf(boots...)); err != nil {
					return err
				}
				if err := o.bisect.Check(2); err != nil {
					return err
				}
				if o.study {
					if err := folder.ForReport(cmp.Or(o.out, o.from)); err != nil {
						return err
					}
					return kernels.Study{Dir: o.from, Out: cmp.Or(o.out, o.from), JSON: o.json, Page: o.format == export.HTMLFormat, Images: o.format == export.PNGFormat, Allow: o.allow, Warn: a.warnf}.Report(a.stdout)
				}
				return compareBoots(a, o.from, cmp.Or(o.out, o.from), o)
			}
			if o.study {
				return errors.New("--study reports on kernels that were measured: add --from and their folder; scripts/study.sh measures them")
			}
			if err := o.check(); err != nil {
				return err
			}
			return compareKernels(cmd.Context(), a, g, o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.kernels, "kernel", nil, "kernel to boot, the first is the base: a bzImage or arm64 Image, a folder with vmlinuz and modules/, a .deb, a build tree, or the release of a cached one (may repeat)")
	machineFlags(cmd, &o.machine, bootsEach)
	f.Lookup("append").Value = &o.appends
	f.Lookup("append").Usage += "; once for all kernels, or once for each in turn"
	f.StringVar(&o.out, "out", "", "folder for run files and report.md (default reports/runs/<UTC time>-kernels/)")
	f.StringVar(&o.from, "from", "", "make the report again from the run files in this folder, and boot nothing")
	f.BoolVar(&o.only, "check", false, "boot nothing: only check the command line, and find the kernels and what boots them")
	f.BoolVar(&o.study, "study", false, "with --from: report on the cost from each kernel to the next, in the order of their versions; with --json, list the pairs of kernels that differ")
	f.BoolVar(&o.json, "json", false, "print one JSON object a line for each scenario and metric, instead of the table")
	f.StringVar(&o.format, "format", "", "commit: print plain text for the message of a commit, instead of the table; html: also write the report as one page, report.html; png: also write each chart as an image for slides")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(kernelsFormats, cobra.ShellCompDirectiveNoFileComp))
	cmd.MarkFlagsMutuallyExclusive("json", "format")
	f.BoolVar(&o.strict, "strict", false, "exit with 1 for an indicative regression, with 3 if a verdict is inconclusive, invalid or not comparable")
	allowFlag(cmd, &o.allow, verdict.AllowValues, "compare although this differs: "+strings.Join(verdict.AllowFields, ", ")+"; or missing: pass although a kernel lacks scenarios of the first (may repeat)")
	o.what.Register(f)
	o.bisect.Register(f)
	cmd.MarkFlagsMutuallyExclusive("study", "strict", "bisect-run") // which say in their own way how the process ends
	_ = cmd.MarkFlagDirname("out")
	_ = cmd.MarkFlagDirname("from")
	_ = cmd.RegisterFlagCompletionFunc("kernel", completion.Kernel)
	completeSelection(cmd)
	return cmd
}

func (o *kernelsOptions) check() error {
	switch {
	case len(o.kernels) == 0:
		return errors.New("no --kernel to boot: name two to compare, such as --kernel 6.1 --kernel 6.12, or --from a folder that was measured")
	case len(o.appends) > 1 && len(o.appends) != len(o.kernels):
		return fmt.Errorf("--append is given %d times for %d kernels: give it once for all, or once for each", len(o.appends), len(o.kernels))
	}
	return cmp.Or(o.bisect.Check(len(o.kernels)), o.machine.Check())
}

// machineOf is what boots the i-th kernel.
func (o kernelsOptions) machineOf(i int) boot.Machine {
	m := o.machine
	switch len(o.appends) {
	case 0:
	case 1:
		m.Append = o.appends[0]
	default:
		m.Append = o.appends[i]
	}
	return m
}

// compareKernels boots all kernels and reports on what they delivered.
func compareKernels(ctx context.Context, a *app, g kernels.Guests, o kernelsOptions) error {
	lab := kernels.Lab{Terminal: a.terminal(), Guests: g, Boots: o.machine.Boots, Out: cmp.Or(o.out, folder.Default(time.Now(), "kernels"))}
	if err := folder.ForReport(lab.Out); err != nil {
		return err
	}
	lab.Selection, lab.BareOnly, lab.FirstFails, lab.CheckOnly = o.what, o.bisect.Asked, o.bisect.Asked, o.only
	o.machine.ICount = o.machine.ICount || o.bisect.Asked
	for i := range o.kernels {
		lab.Machines = append(lab.Machines, o.machineOf(i))
	}
	err := lab.Fit(func(args []string) error {
		planned, err := rehearse(a, args)
		if err == nil {
			lab.Work = append(lab.Work, planned.Work)
		}
		return err
	})
	if err != nil {
		return err
	}
	outcome, err := lab.Measure(ctx, o.kernels)
	if !outcome.Begun {
		if err == nil && outcome.Interrupted {
			return exitError{exitInterrupted, errors.New("interrupted before anything was measured")}
		}
		return err
	}
	reportErr := compareBoots(a, lab.Out, lab.Out, o)
	switch {
	case err != nil:
		return errors.Join(err, reportErr)
	case outcome.Interrupted:
		return exitError{exitInterrupted, errors.Join(fmt.Errorf("interrupted: %d of %d boots are in %s%s", outcome.Delivered, outcome.Boots, lab.Out, outcome.Unfinished), reportErr)}
	case reportErr != nil && !(o.bisect.Asked && outcome.Failures > 0):
		return reportErr
	case outcome.Failures > 0:
		return fmt.Errorf("%s; what the others measured is in %s", record.Plural(outcome.Failures, "boot or run in a guest failed", "boots or runs in guests failed"), lab.Out)
	}
	return nil
}

// compareBoots writes the report on the run files below dir into out, and
// prints the table or, with --json, the verdicts.
func compareBoots(a *app, dir, out string, o kernelsOptions) error {
	if err := folder.ForReport(out); err != nil {
		return err
	}
	all, unfinished, unreadable, err := kernels.Read(dir)
	if err != nil {
		return err
	}
	for _, what := range unfinished {
		a.warnf("left out: %s", what)
	}
	for _, err := range unreadable {
		a.warnf("left out: %v", err)
	}
	measured := slices.ContainsFunc(all, func(k verdict.KernelBoots) bool {
		return slices.ContainsFunc(k.Boots, func(files []*record.File) bool { return len(files) > 0 })
	})
	writeErr := render.WriteKernels(out, all, o.allow...)
	reports := []string{filepath.Join(out, render.ReportName)}
	also := map[string]func(string, []verdict.KernelBoots, ...string) (string, error){export.HTMLFormat: render.KernelsPage, export.PNGFormat: render.KernelsImages}
	if write := also[o.format]; writeErr == nil && write != nil {
		var path string
		path, writeErr = write(out, all, o.allow...)
		reports = append(reports, path)
	}
	verdicts := verdict.KernelVerdicts(all, o.allow...)
	switch {
	case o.format == export.CommitFormat:
		if err := render.KernelsCommit(a.stdout, all, o.allow...); err != nil {
			return errors.Join(writeErr, err)
		}
	case o.json:
		for _, line := range render.KernelHeadlines(all, o.allow...) {
			a.warnf("warning: %s", line)
		}
		if err := printVerdicts(a.stdout, verdicts); err != nil {
			return errors.Join(writeErr, err)
		}
	default:
		if err := render.KernelsSummary(a.stdout, all, o.allow...); err != nil {
			return errors.Join(writeErr, err)
		}
		if writeErr == nil {
			fmt.Fprintf(a.stdout, "\nreport: %s\n", strings.Join(reports, "\nreport: "))
		}
	}
	switch {
	case writeErr != nil:
		return writeErr
	case !measured:
		return fmt.Errorf("nothing was measured: no guest delivered a run file to %s", dir)
	case len(unreadable) > 0:
		return fmt.Errorf("%d run files cannot be read and are left out", len(unreadable))
	}
	if o.bisect.Asked {
		code, why := o.bisect.Judge(all, verdicts)
		fmt.Fprintf(a.stderr, "bisect: %s\n", why)
		return exitIf(code)
	}
	var plain []record.Verdict
	for _, v := range verdicts {
		plain = append(plain, v.Verdict)
	}
	rule := verdict.ExitRule{Strict: o.strict, AllowMissing: slices.Contains(o.allow, verdict.AllowMissing)}
	if len(all) < 2 { // a single kernel is not judged
		return nil
	}
	return exitIf(rule.Code(plain))
}
