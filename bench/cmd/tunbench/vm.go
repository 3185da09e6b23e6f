package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"tunbench/harness"
	"tunbench/harness/vm"
	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/kernel"
	"tunbench/reports/record"
	"tunbench/reports/render"
)

// machineFlags are the flags of the commands that boot kernels.
type machineFlags struct {
	accel   string
	icount  bool
	smp     int
	memory  int
	append  string
	timeout time.Duration
	boots   int
}

// maxBoots keeps a slip of the finger from running for a week.
const maxBoots = 1000

func (m *machineFlags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&m.accel, "accel", vm.Auto, "auto (KVM if a guest boots under it, else TCG), kvm or tcg")
	f.BoolVar(&m.icount, "icount", false, "virtual time: one CPU, an instruction is a nanosecond")
	f.IntVar(&m.smp, "smp", 0, "virtual CPUs (default 2, or 1 with --icount)")
	f.IntVar(&m.memory, "memory", vm.DefaultMemoryMiB, "of the guest, in MiB")
	f.StringVar(&m.append, "append", "", "more kernel parameters, such as 'mitigations=off'")
	f.DurationVar(&m.timeout, "timeout", vm.DefaultTimeout, "of one boot, until it is done")
	f.IntVar(&m.boots, "boots", 1, "boot a kernel so many times")
	_ = cmd.RegisterFlagCompletionFunc("accel", cobra.FixedCompletions([]string{vm.Auto, vm.KVM, vm.TCG}, cobra.ShellCompDirectiveNoFileComp))
	for _, flag := range []string{"smp", "memory", "append", "timeout", "boots"} {
		_ = cmd.RegisterFlagCompletionFunc(flag, cobra.NoFileCompletions)
	}
}

func (m *machineFlags) check() error {
	switch {
	case m.boots < 1 || m.boots > maxBoots:
		return fmt.Errorf("--boots %d: choose 1 to %d", m.boots, maxBoots)
	case m.timeout <= 0:
		return fmt.Errorf("--timeout %v: must be positive", m.timeout)
	case m.smp < 0:
		return fmt.Errorf("--smp %d: must be positive", m.smp)
	}
	return nil
}

// machine is the virtual machine that boots k. It tells what the user should
// know beside tell.
func (a *app) machine(k *kernel.Kernel, m machineFlags, tell *bootProgress) vm.Machine {
	machine := vm.Machine{
		Kernel: k, Accel: m.accel, ICount: m.icount, SMP: m.smp, MemoryMiB: m.memory,
		Append: m.append, Timeout: m.timeout,
		Log: func(line string) {
			tell.clear()
			a.warnf("tunbench: %s", line)
		},
	}
	if a.verbose {
		machine.Line = func(line string) { fmt.Fprintf(a.stderr, "| %s\n", line) }
	}
	return machine
}

// Paths in the guest. The first is a name that nothing else has, because it is
// replaced in what a guest prints.
const (
	guestOut    = guest.OutDir + "/tunbench-files"
	guestSuites = "/etc/tunbench/suites"
)

func (a *app) vmCommand() *cobra.Command {
	var (
		flags   machineFlags
		kernels []string
		out     string
	)
	cmd := &cobra.Command{
		Use:   "vm --kernel K [flags] -- COMMAND...",
		Short: "run a tunbench command inside a guest kernel",
		Long: `vm boots a kernel in QEMU, with nothing in it but tunbench and the kernel's own
modules, runs the tunbench command after -- there, and writes the files that it
made to --out. It needs no root. The exit code is that of the command. Records
are on the disk of this host as soon as they are finished, and so is the console:
whatever ends the guest costs only the trial at hand.

K is a bzImage, a folder with vmlinuz and its modules (modules/, or
usr/lib/modules/RELEASE), a .deb, a kernel's build tree, or the release of a
kernel that ` + kernel.FetchScript + ` fetched, or the beginning of one: 6.1 is the
newest 6.1, 6.1-rt and 6.1-amd64 are the rt and the generic one.`,
		Example: `  tunbench vm --kernel 6.1 -- run --suite smoke --hook kprobe
  tunbench vm --kernel ~/linux --icount --boots 3 --out patched -- run --suite kernels
  tunbench vm --kernel 6.12 --append mitigations=off -- doctor`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 || cmd.ArgsLenAtDash() != 0 {
				return errors.New("give the command for the guest after --: tunbench vm --kernel 6.1 -- run --suite smoke")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := flags.check(); err != nil {
				return err
			}
			if len(kernels) == 0 {
				return fmt.Errorf("give --kernel; see %s --help", cmd.CommandPath())
			}
			guest, err := forGuest(args)
			if err != nil {
				return err
			}
			if guest.rehearsal, err = a.rehearse(args); err != nil {
				return err
			}
			if guest.hostOut != "" && out != "" && guest.hostOut != out {
				return fmt.Errorf("--out %s and, after --, --out %s: leave one of them out", out, guest.hostOut)
			}
			if out == "" {
				out = guest.hostOut
			}
			return a.boot(cmd.Context(), kernels, flags, guest, out)
		},
	}
	flags.register(cmd)
	f := cmd.Flags()
	f.StringArrayVar(&kernels, "kernel", nil, "what to boot: a release, bzImage, folder, .deb or build tree (may repeat)")
	f.StringVar(&out, "out", "", "folder for the guest's files (default reports/runs/<UTC time>-<kernel release>/)")
	_ = cmd.MarkFlagDirname("out")
	_ = cmd.RegisterFlagCompletionFunc("kernel", completeKernel)
	return cmd
}

// completeKernel offers the kernels that are at hand by their release, beside
// files.
func completeKernel(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return kernel.Cached(), cobra.ShellCompDirectiveDefault
}

// guestCommand is a command line as it runs in a guest.
type guestCommand struct {
	job     guest.Job
	hostOut string // where it was told to write
	writes  bool   // it makes files
	rehearsal
}

// forGuest rewrites the arguments of tunbench for a guest: its --out leads to
// the folder that is handed out, and a suite's file comes along.
func forGuest(args []string) (guestCommand, error) {
	var g guestCommand
	value := func(args []string, i int, flag string) (v string, width int) {
		if v, ok := strings.CutPrefix(args[i], flag+"="); ok {
			return v, 1
		}
		if args[i] == flag && i+1 < len(args) {
			return args[i+1], 2
		}
		return "", 0
	}
	g.job.Files = map[string][]byte{}
	var rewritten []string
	for i := 0; i < len(args); {
		if v, width := value(args, i, "--out"); width > 0 {
			g.hostOut, g.writes = v, true
			i += width
			continue
		}
		v, width := value(args, i, "--suite")
		if width == 0 || !isSuiteFile(v) {
			rewritten = append(rewritten, args[i])
			i++
			continue
		}
		text, err := os.ReadFile(v)
		if err != nil {
			return g, fmt.Errorf("open suite: %w", err)
		}
		name := path.Join(guestSuites, filepath.Base(v))
		g.job.Files[name] = text
		rewritten = append(rewritten, "--suite", name)
		i += width
	}
	command := slices.IndexFunc(rewritten, func(arg string) bool { return !strings.HasPrefix(arg, "-") })
	if command >= 0 {
		switch rewritten[command] {
		case "vm", "kernels":
			return g, fmt.Errorf("%s in a guest: a guest boots no guests", rewritten[command])
		case "report", "compare", "history", "merge":
			return g, fmt.Errorf("%s in a guest: a guest has none of the files of this host; run it here, without vm", rewritten[command])
		case "run", "ab":
			g.writes = true
		}
	}
	if g.writes {
		rewritten = append(rewritten, "--out", guestOut)
	}
	g.job.Commands = [][]string{rewritten}
	return g, nil
}

// isSuiteFile tells a suite's file from the name of one that is built in.
func isSuiteFile(suite string) bool {
	ext := filepath.Ext(suite)
	return ext == ".yaml" || ext == ".yml" || strings.ContainsRune(suite, filepath.Separator)
}

// guestPrefix begins the names of the guest's files that are the user's.
var guestPrefix = strings.TrimPrefix(guestOut, guest.OutDir+"/") + "/"

// boot boots each kernel as often as asked for, one after the other. The first
// boot that fails ends it; what others measured stays.
func (a *app) boot(ctx context.Context, names []string, flags machineFlags, guest guestCommand, out string) (err error) {
	var kernels []*kernel.Kernel
	for _, name := range names {
		k, remove, err2 := kernel.Find(name)
		defer func() { err = errors.Join(err, remove()) }()
		if err2 != nil {
			return err2
		}
		kernels = append(kernels, k)
	}
	type boot struct {
		kernel *kernel.Kernel
		files  *guestFiles
	}
	var boots []boot
	tell := newBootProgress(a.stderr, a.quiet || !guest.writes, a.verbose, len(kernels)*flags.boots, guest.rehearsal)
	defer tell.clear()
	defer func() {
		// Folders in which nothing came to be are not left behind.
		for _, b := range boots {
			err = errors.Join(err, b.files.close(true))
			if len(boots) > 1 {
				os.Remove(filepath.Dir(b.files.dir))
			}
		}
	}()
	now := time.Now()
	for _, k := range kernels {
		dir := out
		switch {
		case dir == "":
			dir = defaultOut(now, k.Release)
		case len(kernels) > 1:
			dir = filepath.Join(dir, k.Release)
		}
		for n := 1; n <= flags.boots; n++ {
			b := boot{k, &guestFiles{dir: dir, prefix: guestPrefix, tell: tell.record}}
			if flags.boots > 1 {
				b.files.dir = filepath.Join(dir, fmt.Sprintf("boot-%d", n))
			}
			if guest.writes {
				for _, name := range []string{record.FileName, render.ReportName} {
					path := filepath.Join(b.files.dir, name)
					if _, err := os.Lstat(path); err == nil {
						return fmt.Errorf("%s holds a run already: choose another --out", path)
					}
				}
				if slices.ContainsFunc(boots, func(o boot) bool { return o.files.dir == b.files.dir }) {
					return fmt.Errorf("two kernels have the release %s, which names their folders: boot them one by one, each with its own --out", k.Release)
				}
				if err := b.files.claim(); err != nil {
					return err
				}
			}
			boots = append(boots, b)
		}
	}

	code := 0
	for i, b := range boots {
		tell.start(i+1, b.kernel.Release, "")
		machine := a.machine(b.kernel, flags, tell)
		if guest.writes {
			machine.Keep = b.files
		}
		job := guest.job
		job.Env = []string{harness.ForGuest()}
		r, err := machine.Run(ctx, job)
		if err != nil {
			tell.clear()
			return a.bootFailed(ctx, err, guest, b.files, i, len(boots))
		}
		tell.end()
		c, err := a.handOver(r, guest, b.files)
		if err != nil {
			return err
		}
		if code == 0 {
			code = c
		}
	}
	if code != 0 {
		return exitError{code: code} // the guest has said why
	}
	return nil
}

// bootFailed reports on what a guest had measured by the time at which err ended
// it, the i-th of n from 0, and gives the command's error.
func (a *app) bootFailed(ctx context.Context, err error, guest guestCommand, files *guestFiles, i, n int) error {
	interrupted := ctx.Err() != nil
	if n > 1 && !interrupted {
		err = fmt.Errorf("boot %d of %d: %w", i+1, n, err)
	}
	trials, whole := files.measured()
	path := filepath.Join(files.dir, record.FileName)
	has := files.has(record.FileName)
	var kept string
	switch {
	case has && len(whole) == 0 && guest.trials > 0:
		kept = fmt.Sprintf("%d of %d trials are in %s", trials, guest.trials, path)
	case has:
		kept = fmt.Sprintf("%s %s in %s", counted(trials, "trial"), are(trials), path)
	}
	if err := files.close(!interrupted || has); err != nil {
		return err
	}
	var reportErr error
	if has && guest.command == "run" {
		if text, readErr := os.ReadFile(path); readErr == nil && guest.asJSON {
			fmt.Fprintf(a.stdout, "%s", text)
		}
		if reportErr = a.report(files.dir, path, guest.format, guest.asJSON); reportErr != nil {
			reportErr = fmt.Errorf("the report failed: %w", reportErr)
		}
	}
	console := filepath.Join(files.dir, consoleName)
	if _, statErr := os.Lstat(console); statErr == nil && guest.writes {
		kept = strings.TrimPrefix(kept+"; the console is in "+console, "; ")
	}
	if interrupted {
		if n > 1 || kept == "" {
			kept = strings.TrimSuffix(fmt.Sprintf("%d of %d boots are done; %s", i, n, kept), "; ")
		}
		return exitError{exitInterrupted, errors.Join(fmt.Errorf("interrupted: %s", kept), reportErr)}
	}
	if kept != "" {
		err = fmt.Errorf("%w\n%s", err, kept)
	}
	return errors.Join(err, reportErr)
}

// handOver gives the user what a guest printed and wrote, and returns its exit
// code.
func (a *app) handOver(r *vm.Result, guest guestCommand, kept *guestFiles) (int, error) {
	files := map[string][]byte{}
	for name, contents := range r.Files {
		if rel, ok := strings.CutPrefix(name, guestPrefix); ok {
			files[rel] = contents
		}
	}
	out := kept.dir
	writeErr := errors.Join(kept.complete(files), kept.close(len(files) > 0))
	here := func(text []byte) string {
		return strings.ReplaceAll(string(text), guestOut, out)
	}
	code := 0
	for _, c := range r.Commands {
		fmt.Fprint(a.stderr, here(c.Stderr))
		if _, err := fmt.Fprint(a.stdout, here(c.Stdout)); err != nil {
			return 0, err
		}
		if c.Error != "" {
			fmt.Fprintf(a.stderr, "tunbench: in the guest: %s: %s\n", strings.Join(c.Args, " "), c.Error)
		}
		switch {
		case c.Exit > 128 && c.Error != "":
			code = exitFailure // a signal is a failure, not a result
		case code == 0:
			code = c.Exit
		}
	}
	if a.verbose {
		a.warnf("tunbench: the guest was up after %v under %s; the results took %v", r.BootTime.Round(time.Millisecond), r.Accel, r.Transfer.Round(time.Millisecond))
	}
	return code, writeErr
}
