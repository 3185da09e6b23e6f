package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"tunbench/harness"
	"tunbench/harness/vm"
	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/kernel"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/verdict"
)

// guests finds kernels to boot.
type guests interface {
	find(arg string) (guestKernel, error)
}

// guestKernel is a kernel that boots as often as it is asked to.
type guestKernel interface {
	// release is what uname -r will say.
	release() string
	// boot runs each command line of tunbench in one guest, and gives keep what
	// the guest hands out while it runs. A *bootError is a guest that failed;
	// after any other error another boot would fail too.
	boot(ctx context.Context, m machineFlags, commands [][]string, keep vm.Keeper, tell *bootProgress) (delivery, error)
	// close removes what finding the kernel left on the disk.
	close() error
}

// delivery is what came out of a guest.
type delivery struct {
	files map[string][]byte // by path below guest.OutDir
	ends  []commandEnd      // one a command
}

// commandEnd is how a command in a guest ended.
type commandEnd struct {
	exit   int
	stderr string
}

// bootError is a guest that failed, with what its console said last.
type bootError struct{ error }

func (e *bootError) Unwrap() error { return e.error }

// virtualMachines are the guests of harness/vm.
type virtualMachines struct{ app *app }

func (v virtualMachines) find(arg string) (guestKernel, error) {
	k, remove, err := kernel.Find(arg)
	if err != nil {
		return nil, errors.Join(err, remove())
	}
	return virtualMachine{v.app, k, remove}, nil
}

type virtualMachine struct {
	app    *app
	kernel *kernel.Kernel
	remove func() error
}

func (v virtualMachine) release() string { return v.kernel.Release }
func (v virtualMachine) close() error    { return v.remove() }

func (v virtualMachine) boot(ctx context.Context, m machineFlags, commands [][]string, keep vm.Keeper, tell *bootProgress) (delivery, error) {
	machine := v.app.machine(v.kernel, m, tell)
	machine.Keep = keep
	r, err := machine.Run(ctx, guest.Job{Commands: commands, Env: []string{harness.ForGuest()}})
	if err != nil {
		var failed *vm.BootError
		if errors.As(err, &failed) {
			return delivery{}, &bootError{err}
		}
		return delivery{}, err
	}
	d := delivery{files: r.Files}
	for _, c := range r.Commands {
		end := commandEnd{c.Exit, string(c.Stderr)}
		if c.Error != "" {
			end.stderr += "\n" + c.Error
		}
		d.ends = append(d.ends, end)
	}
	return d, nil
}

// guestRun is a run that every boot makes.
type guestRun struct {
	what string // names the folder of its file
	args []string
}

// guestRuns are in the order in which a guest makes them. Seeds are fixed, so
// that two boots do the same.
func guestRuns() []guestRun {
	run := func(what, suite, arm, hook string) guestRun {
		return guestRun{what, []string{
			"run", "--suite", suite, "--arm", arm, "--hook", hook, "--seed", "1", "--out", guest.OutDir + "/" + what,
			"--verbose", // a guest that hangs shows on its console where
		}}
	}
	runs := []guestRun{
		run("bare", "kernels", "bare", "none"),
		run("observer-bare", "kernels-observer", "bare", "none"),
	}
	for _, hook := range []string{"kprobe", "fentry", "tracepoint"} {
		runs = append(runs, run("observer-"+hook, "kernels-observer", "observed", hook))
	}
	return runs
}

// kernelsOptions are the flags of tunbench kernels.
type kernelsOptions struct {
	kernels []string
	appends repeated // one for all kernels, or one each
	machine machineFlags
	out     string
	from    string
	json    bool
	strict  bool
	allow   []string
}

// repeated is a flag that may be given several times, whose values may hold
// commas and may be empty.
type repeated []string

func (r *repeated) String() string     { return strings.Join(*r, " ") }
func (r *repeated) Type() string       { return "stringArray" }
func (r *repeated) Set(v string) error { *r = append(*r, v); return nil }

// bootsEach is how often kernels boots a kernel where --boots does not tell:
// with one boot nobody knows the spread.
const bootsEach = 2

func (a *app) kernelsCommand() *cobra.Command { return a.kernelsIn(virtualMachines{a}) }

// kernelsIn is the command on whatever boots kernels.
func (a *app) kernelsIn(g guests) *cobra.Command {
	var o kernelsOptions
	cmd := &cobra.Command{
		Use:   "kernels",
		Short: "boot kernels in QEMU, measure the same on each, compare",
		Long: `kernels boots each --kernel several times, in alternating order, and measures in
each guest what a packet costs: bare, and under each of the observer's hooks.
Run files are kept as DIR/<kernel release>/boot-N/<what>/run.jsonl, each record
as soon as it is finished; DIR/report.md compares each kernel with the first by
the runs that came to their end. It needs QEMU, and no root.

With --icount the guest's clock counts instructions: figures repeat to 0.1 % on
any machine, but see no caches, no branch predictor and no parallelism.

Exit codes: 0 no regression; 1 with --strict, an indicative regression, which is
all that boots can show; 2 wrong use, or a boot or a run in a guest that failed;
3 if a kernel does not have a scenario that the first has (--allow missing lets it
pass), or if nothing could be judged; and with --strict, if a verdict is
inconclusive, invalid or not comparable.`,
		Example: `  tunbench kernels --kernel 6.1 --kernel 6.12 --icount
  tunbench kernels --kernel ~/linux-before --kernel ~/linux-after --icount --boots 3
  tunbench kernels --kernel 6.12 --kernel 6.12 --append '' --append mitigations=off --icount
  tunbench kernels --from reports/runs/20260102T030405Z-kernels`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := verdict.CheckAllow(o.allow); err != nil {
				return err
			}
			if o.from != "" {
				for _, flag := range []string{"kernel", "boots", "icount", "accel", "smp", "memory", "append", "timeout"} {
					if cmd.Flags().Changed(flag) {
						return fmt.Errorf("--from boots nothing: leave out --%s", flag)
					}
				}
				return a.compareStored(o.from, cmp.Or(o.out, o.from), o)
			}
			if err := o.check(); err != nil {
				return err
			}
			return a.compareKernels(cmd.Context(), g, o)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.kernels, "kernel", nil, "kernel to boot, the first is the base: a bzImage, a folder with vmlinuz and modules/, a .deb, a build tree, or the release of a cached one (repeat)")
	o.machine.register(cmd)
	o.machine.boots = bootsEach
	f.Lookup("boots").DefValue = strconv.Itoa(bootsEach)
	f.Lookup("append").Value = &o.appends
	f.Lookup("append").Usage += "; once for all kernels, or once for each in turn"
	f.StringVar(&o.out, "out", "", "folder for run files and report.md (default reports/runs/<UTC time>-kernels/)")
	f.StringVar(&o.from, "from", "", "make the report again from the run files in this folder, and boot nothing")
	f.BoolVar(&o.json, "json", false, "print one object a line for each scenario and metric instead of the table")
	f.BoolVar(&o.strict, "strict", false, "exit with 1 for an indicative regression, with 3 if a verdict is inconclusive, invalid or not comparable")
	allowFlag(cmd, &o.allow, verdict.AllowValues, "compare although this differs: "+strings.Join(verdict.AllowFields, ", ")+"; or missing: pass although a kernel lacks scenarios of the first (may repeat)")
	_ = cmd.MarkFlagDirname("out")
	_ = cmd.MarkFlagDirname("from")
	_ = cmd.RegisterFlagCompletionFunc("kernel", completeKernel)
	return cmd
}

func (o kernelsOptions) check() error {
	switch {
	case len(o.kernels) == 0:
		return errors.New("no --kernel to boot: name two to compare, such as --kernel 6.1 --kernel 6.12, or --from a folder that was measured")
	case len(o.appends) > 1 && len(o.appends) != len(o.kernels):
		return fmt.Errorf("--append is given %d times for %d kernels: give it once for all, or once for each", len(o.appends), len(o.kernels))
	}
	return o.machine.check()
}

// machineOf is what boots the i-th kernel.
func (o kernelsOptions) machineOf(i int) machineFlags {
	m := o.machine
	switch len(o.appends) {
	case 0:
	case 1:
		m.append = o.appends[0]
	default:
		m.append = o.appends[i]
	}
	return m
}

// comparisonName is the file that tells which kernels a folder compares.
const comparisonName = "kernels.json"

// comparison is the content of that file: what the folders cannot tell.
type comparison struct {
	Kernels []string `json:"kernels"` // names of their folders, the base first
	Boots   int      `json:"boots"`   // that were asked for of each
}

// bootable is one kernel of a comparison.
type bootable struct {
	guestKernel
	name    string // of its folder
	machine machineFlags
}

// turns gives the boots in order: kernels forwards in one round, backwards in
// the next, so that what changes slowly on the host meets all of them alike.
func turns(kernels, boots int) (list [][2]int) { // [kernel from 0, boot from 1]
	for boot := 1; boot <= boots; boot++ {
		for i := range kernels {
			if boot%2 == 0 {
				i = kernels - 1 - i
			}
			list = append(list, [2]int{i, boot})
		}
	}
	return list
}

// compareKernels boots all kernels and reports on what they delivered.
func (a *app) compareKernels(ctx context.Context, g guests, o kernelsOptions) (err error) {
	var kernels []bootable
	defer func() {
		for _, k := range kernels {
			err = errors.Join(err, k.close())
		}
	}()
	index := comparison{Boots: o.machine.boots}
	for i, arg := range o.kernels {
		k, err := g.find(arg)
		if err != nil {
			return err // names the kernel
		}
		name := folderName(k.release(), arg, index.Kernels)
		kernels = append(kernels, bootable{k, name, o.machineOf(i)})
		index.Kernels = append(index.Kernels, name)
	}
	out := o.out
	if out == "" {
		out = defaultOut(time.Now(), "kernels")
	}
	if err := index.create(out); err != nil {
		return err
	}

	runs := guestRuns()
	commands, plans := make([][]string, len(runs)), make([]rehearsal, len(runs))
	for i, r := range runs {
		commands[i] = r.args
		if plans[i], err = a.rehearse(r.args); err != nil {
			return err
		}
	}
	order := turns(len(kernels), o.machine.boots)
	tell := newBootProgress(a.stderr, a.quiet, a.verbose, len(order), plans...)
	defer tell.clear()
	delivered, failures := 0, 0
	unfinished := "" // what is kept of the boot that was interrupted
	var fatal error
	for n, turn := range order {
		if ctx.Err() != nil {
			break
		}
		k, boot := kernels[turn[0]], turn[1]
		files := &guestFiles{dir: bootDir(out, k.name, boot), tell: tell.record}
		if fatal = files.claim(); fatal != nil {
			break
		}
		tell.start(n+1, k.name, fmt.Sprintf(", number %d of %d", boot, o.machine.boots))
		d, err := k.boot(ctx, k.machine, commands, files, tell)
		tell.clear()
		if ctx.Err() != nil { // a guest that was killed says nothing about its kernel
			if trials, _ := files.measured(); trials > 0 {
				unfinished = fmt.Sprintf("; %s of the boot that was interrupted %s in %s", counted(trials, "trial"), are(trials), files.dir)
			}
			fatal = files.close(unfinished != "")
			os.Remove(filepath.Dir(files.dir)) // fails, as it should, where it holds something
			break
		}
		var failed *bootError
		switch {
		case errors.As(err, &failed):
			failures++
			what := "failed and is left out"
			if trials, whole := files.measured(); len(whole) > 0 {
				delivered++
				what = "failed; of its runs 1 is whole and counts"
				if len(whole) > 1 {
					what = fmt.Sprintf("failed; of its runs %d are whole and count", len(whole))
				}
			} else if trials > 0 {
				what += fmt.Sprintf(", %s of it %s in %s", counted(trials, "trial"), are(trials), files.dir)
			}
			fmt.Fprintf(a.stderr, "tunbench: boot %d of %s %s: %v\n", boot, k.name, what, err)
			fatal = files.close(true)
		case err != nil:
			fatal = errors.Join(err, files.close(false))
			os.Remove(filepath.Dir(files.dir)) // fails, as it should, where it holds something
		default:
			kept, bad, err := a.keep(files, k.name, boot, runs, d)
			failures += bad
			if kept {
				delivered++
			}
			fatal = err
		}
		if fatal != nil {
			break
		}
		tell.end()
	}
	if fatal != nil && delivered+failures == 0 {
		index.remove(out)
		return fatal
	}
	interrupted := ctx.Err() != nil
	if interrupted && delivered+failures == 0 && unfinished == "" {
		index.remove(out)
		return exitError{exitInterrupted, errors.New("interrupted before anything was measured")}
	}
	err = a.compareStored(out, out, o)
	switch {
	case fatal != nil:
		return errors.Join(fatal, err)
	case interrupted:
		return exitError{exitInterrupted, errors.Join(fmt.Errorf("interrupted: %d of %d boots are in %s%s", delivered, len(order), out, unfinished), err)}
	case err != nil:
		return err
	case failures > 0:
		return fmt.Errorf("%s; what the others measured is in %s", failed(failures), out)
	}
	return nil
}

func failed(n int) string {
	if n == 1 {
		return "1 boot or run in a guest failed"
	}
	return strconv.Itoa(n) + " boots or runs in guests failed"
}

// keep writes what a guest delivered and counts the runs that failed.
func (a *app) keep(files *guestFiles, name string, boot int, runs []guestRun, d delivery) (kept bool, bad int, err error) {
	whole := map[string][]byte{}
	for _, r := range runs {
		path := r.what + "/" + record.FileName
		if file, ok := d.files[path]; ok {
			whole[path] = file
		}
	}
	if err := errors.Join(files.complete(whole), files.close(true)); err != nil {
		return false, 0, err
	}
	for i, r := range runs {
		_, delivered := whole[r.what+"/"+record.FileName]
		kept = kept || delivered
		end := commandEnd{exit: -1, stderr: "the guest did not say how it ended"}
		if i < len(d.ends) {
			end = d.ends[i]
		}
		if end.exit == 0 && delivered {
			continue
		}
		bad++
		what := fmt.Sprintf("exit %d", end.exit)
		if !delivered {
			what += ", no run file"
		}
		fmt.Fprintf(a.stderr, "tunbench: boot %d of %s: %s: %s%s\n", boot, name, r.what, what, indent(end.stderr))
	}
	return kept, bad, nil
}

// indent puts the last lines of a guest's text below a message.
func indent(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	lines = lines[max(0, len(lines)-20):]
	var b strings.Builder
	for _, l := range lines {
		if l = strings.TrimSpace(l); l != "" {
			// Quoted where a guest sends what would move the cursor.
			if q := strconv.Quote(l); q != `"`+l+`"` && strings.ContainsFunc(l, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				l = q
			}
			b.WriteString("\n  | " + l)
		}
	}
	return b.String()
}

// compareStored writes the report on the run files below dir into out, and
// prints the table or, with --json, the verdicts.
func (a *app) compareStored(dir, out string, o kernelsOptions) error {
	kernels, unfinished, unreadable, err := readComparison(dir)
	if err != nil {
		return err
	}
	for _, what := range unfinished {
		a.warnf("left out: %s", what)
	}
	for _, err := range unreadable {
		a.warnf("left out: %v", err)
	}
	measured := slices.ContainsFunc(kernels, func(k verdict.KernelBoots) bool {
		return slices.ContainsFunc(k.Boots, func(files []*record.File) bool { return len(files) > 0 })
	})
	writeErr := render.WriteKernels(out, kernels, o.allow...)
	verdicts := verdict.KernelVerdicts(kernels, o.allow...)
	if o.json {
		for _, line := range render.KernelHeadlines(kernels, o.allow...) {
			a.warnf("warning: %s", line)
		}
		if err := printVerdicts(a.stdout, verdicts); err != nil {
			return errors.Join(writeErr, err)
		}
	} else {
		if err := render.KernelsSummary(a.stdout, kernels, o.allow...); err != nil {
			return errors.Join(writeErr, err)
		}
		if writeErr == nil {
			fmt.Fprintf(a.stdout, "\nreport: %s\n", filepath.Join(out, render.ReportName))
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
	var plain []record.Verdict
	for _, v := range verdicts {
		plain = append(plain, v.Verdict)
	}
	rule := record.ExitRule{Strict: o.strict, AllowMissing: slices.Contains(o.allow, verdict.AllowMissing)}
	if code := rule.Code(plain); code != 0 && len(kernels) > 1 { // of one alone nothing is judged
		return exitError{code: code}
	}
	return nil
}

// readComparison reads the run files below dir. A run that did not come to its
// end, or a file that cannot be read, is told and left out.
func readComparison(dir string) (kernels []verdict.KernelBoots, unfinished []string, unreadable []error, err error) {
	index, err := readIndex(dir)
	if err != nil {
		return nil, nil, nil, err
	}
	for _, name := range index.Kernels {
		k := verdict.KernelBoots{Name: name, Boots: make([][]*record.File, index.Boots)}
		for boot := range k.Boots {
			for _, r := range guestRuns() {
				path := filepath.Join(bootDir(dir, name, boot+1), r.what, record.FileName)
				if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
					continue
				}
				f, err := record.ReadFile(path)
				if err != nil {
					unreadable = append(unreadable, err)
					continue
				}
				if f.End == nil {
					unfinished = append(unfinished, path+" was interrupted after "+counted(len(f.Trials), "trial"))
					continue
				}
				k.Boots[boot] = append(k.Boots[boot], f)
			}
		}
		kernels = append(kernels, k)
	}
	return kernels, unfinished, unreadable, nil
}

// readIndex reads which kernels dir compares. Without its file, they are the
// folders that hold boots, in the order in which they were first measured.
func readIndex(dir string) (comparison, error) {
	var c comparison
	text, err := os.ReadFile(filepath.Join(dir, comparisonName))
	if errors.Is(err, fs.ErrNotExist) {
		return findComparison(dir)
	}
	if err != nil {
		return c, fmt.Errorf("read comparison: %w", err)
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return c, fmt.Errorf("read comparison %s: %w", filepath.Join(dir, comparisonName), err)
	}
	if c.Boots < 1 || c.Boots > maxBoots || len(c.Kernels) == 0 {
		return c, fmt.Errorf("read comparison %s: %d kernels, %d boots: not a comparison", filepath.Join(dir, comparisonName), len(c.Kernels), c.Boots)
	}
	for _, name := range c.Kernels {
		if !filepath.IsLocal(name) || strings.ContainsRune(name, filepath.Separator) {
			return c, fmt.Errorf("read comparison %s: kernel %q: not the name of a folder", filepath.Join(dir, comparisonName), name)
		}
	}
	return c, nil
}

var bootName = regexp.MustCompile(`^boot-([1-9][0-9]*)$`)

func findComparison(dir string) (comparison, error) {
	var c comparison
	entries, err := os.ReadDir(dir)
	if err != nil {
		return c, fmt.Errorf("read comparison: %w", err)
	}
	first := map[string]string{} // when a kernel was first measured, RFC 3339
	for _, e := range entries {
		boots, err := os.ReadDir(filepath.Join(dir, e.Name()))
		if err != nil {
			continue // not a folder
		}
		for _, b := range boots {
			m := bootName.FindStringSubmatch(b.Name())
			if m == nil {
				continue
			}
			n, err := strconv.Atoi(m[1])
			if err != nil || n > maxBoots {
				continue
			}
			for _, r := range guestRuns() {
				f, err := record.ReadFile(filepath.Join(dir, e.Name(), b.Name(), r.what))
				if err != nil {
					continue // readComparison tells why
				}
				if was, ok := first[e.Name()]; !ok || f.Run.Started < was {
					first[e.Name()] = f.Run.Started
				}
			}
			c.Boots = max(c.Boots, n)
			if !slices.Contains(c.Kernels, e.Name()) {
				c.Kernels = append(c.Kernels, e.Name())
			}
		}
	}
	if len(c.Kernels) == 0 {
		return c, fmt.Errorf("read comparison: there is neither a %s nor a <kernel>/boot-1 in %s", comparisonName, dir)
	}
	slices.SortStableFunc(c.Kernels, func(a, b string) int { return strings.Compare(first[a], first[b]) })
	return c, nil
}

// create makes dir and its index, so that a folder that cannot be written is
// known before the first boot.
func (c comparison) create(dir string) error {
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("create --out: %w", err)
	}
	if _, err := findComparison(dir); err == nil {
		return fmt.Errorf("%s holds a comparison already: choose another --out", dir)
	}
	text, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, comparisonName), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s holds a comparison already: choose another --out", dir)
	}
	if err != nil {
		return fmt.Errorf("create --out: %w", err)
	}
	_, err = f.Write(append(text, '\n'))
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("write comparison: %w", err)
	}
	return nil
}

// remove undoes create where no boot has left anything.
func (c comparison) remove(dir string) {
	os.Remove(filepath.Join(dir, comparisonName))
	os.Remove(dir) // fails, as it should, where the folder held something before
}

func bootDir(dir, kernel string, boot int) string {
	return filepath.Join(dir, kernel, "boot-"+strconv.Itoa(boot))
}

// folderName is what to call a kernel: its release, and a number where the
// same release is there several times.
func folderName(release, arg string, taken []string) string {
	name := strings.Map(func(r rune) rune {
		if r <= ' ' || r == filepath.Separator || r == 0x7f {
			return '-'
		}
		return r
	}, cmp.Or(release, filepath.Base(arg)))
	if name == "." || name == ".." {
		name = "kernel"
	}
	free := name
	for n := 2; slices.Contains(taken, free); n++ {
		free = fmt.Sprintf("%s~%d", name, n)
	}
	return free
}

// store writes a file in one step.
func store(path string, content []byte) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		return fmt.Errorf("keep results: %w", err)
	}
	tmp := path + ".part"
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o666)
	if err != nil {
		return fmt.Errorf("keep results: %w", err)
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return fmt.Errorf("keep results: %w", err)
	}
	return nil
}
