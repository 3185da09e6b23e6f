// Package kernels boots several kernels in turn, makes the same runs in each boot, and
// reads their files for a comparison of each kernel with the first.
package kernels

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"tunbench/bench/boot"
	"tunbench/bench/plan"
	"tunbench/bench/progress"
	"tunbench/harness/vm/guest"
	"tunbench/reports/record"
)

// Lab boots kernels and keeps what they measure.
type Lab struct {
	boot.Terminal
	Selection
	Guests     Guests
	Machines   []boot.Machine  // that boot the kernels, one each
	Boots      int             // of each kernel
	CheckOnly  bool            // boot nothing: find the kernels, and what boots them
	FirstFails bool            // measure no further after a boot that failed
	Out        string          // folder for the run files
	Work       []progress.Work // of Commands
}

// Outcome is the result of a Lab.
type Outcome struct {
	Begun       bool // a boot was made, so that there is something to report on
	Boots       int  // that were asked for, of all kernels
	Delivered   int  // boots that delivered a run
	Failures    int  // boots and runs in guests that failed
	Interrupted bool
	Unfinished  string // what is kept of the boot that was interrupted
}

// bootable is one kernel of a comparison.
type bootable struct {
	Kernel
	name    string // of its folder
	machine boot.Machine
}

// turn is one boot of one kernel.
type turn struct {
	kernel int // from 0
	boot   int // from 1
}

// turns gives the boots in order: kernels forwards in one round, backwards in the
// next, so that slow changes of the host affect all kernels alike.
func turns(kernels, boots int) (list []turn) {
	for boot := 1; boot <= boots; boot++ {
		for i := range kernels {
			if boot%2 == 0 {
				i = kernels - 1 - i
			}
			list = append(list, turn{i, boot})
		}
	}
	return list
}

// Measure boots the kernels of these names. An error means that further boots could not
// succeed either; the files that were delivered stay.
func (l Lab) Measure(ctx context.Context, names []string) (out Outcome, err error) {
	var kernels []bootable
	defer func() {
		for _, k := range kernels {
			err = errors.Join(err, k.Close())
		}
	}()
	index := index{Boots: l.Boots}
	for i, arg := range names {
		k, err := l.Guests.Find(arg, l.Machines[i].Arch)
		if err != nil {
			return out, err // names the kernel
		}
		name := folderName(k.Release(), arg, index.Kernels)
		kernels = append(kernels, bootable{k, name, l.Machines[i]})
		if err := k.Check(l.Machines[i]); err != nil {
			return out, err
		}
		index.Kernels = append(index.Kernels, name)
	}
	// Files are read once, so that all boots measure the same.
	job, err := boot.NewJob(l.Commands())
	if err != nil {
		return out, err
	}
	if l.CheckOnly {
		return out, nil
	}
	if err := index.create(l.Out); err != nil {
		return out, err
	}
	order := turns(len(kernels), l.Boots)
	out.Boots = len(order)
	m := measurement{Lab: l, job: job, out: &out, tell: progress.NewBoots(l.Stderr, l.Quiet, l.Verbose, len(order), l.Work...)}
	defer m.tell.Clear()
	for n, t := range order {
		if ctx.Err() != nil {
			break
		}
		if err = m.boot(ctx, kernels[t.kernel], t.boot, n+1); err != nil || out.Interrupted {
			break
		}
		if left := len(order) - n - 1; l.FirstFails && out.Failures > 0 && left > 0 {
			fmt.Fprintf(l.Stderr, "tunbench: %s left out: without that one, nothing is judged\n", record.Plural(left, "further boot is", "further boots are"))
			break
		}
	}
	out.Interrupted = ctx.Err() != nil
	if out.Begun = out.Delivered+out.Failures > 0 || err == nil && out.Unfinished != ""; !out.Begun && (err != nil || out.Interrupted) {
		index.remove(l.Out)
	}
	return out, err
}

// measurement is a Lab while it measures.
type measurement struct {
	Lab
	job  guest.Job // of each boot
	out  *Outcome
	tell *progress.Boots
}

// boot makes one boot of k, the n-th of all, and keeps what it delivers. Its error
// ends the measurement.
func (m measurement) boot(ctx context.Context, k bootable, number, n int) error {
	files := &boot.Files{Dir: bootDir(m.Out, k.name, number), Tell: m.tell.Record}
	if err := files.Claim(); err != nil {
		return err
	}
	m.tell.Start(n, k.name, fmt.Sprintf(", number %d of %d", number, m.Boots))
	d, err := k.Boot(ctx, k.machine, m.job, files, m.tell)
	m.tell.Clear()
	if ctx.Err() != nil { // a guest that was killed does not show that its kernel failed
		m.out.Interrupted = true
		if trials, _ := files.Measured(); trials > 0 {
			m.out.Unfinished = fmt.Sprintf("; %s in %s", record.Plural(trials, "trial of the boot that was interrupted is", "trials of the boot that was interrupted are"), files.Dir)
		}
		err := files.Close(m.out.Unfinished != "")
		os.Remove(filepath.Dir(files.Dir)) // fails, as it should, if it holds something
		return err
	}
	var failed *BootError
	switch {
	case errors.As(err, &failed):
		if err := m.failed(files, k.name, number, err); err != nil {
			return err
		}
	case err != nil:
		err = errors.Join(err, files.Close(false))
		os.Remove(filepath.Dir(files.Dir)) // fails, as it should, if it holds something
		return err
	default:
		if err := m.keep(files, k.name, number, d); err != nil {
			return err
		}
	}
	m.tell.End()
	return nil
}

// failed reports a boot that failed, and keeps what it had handed out.
func (m measurement) failed(files *boot.Files, name string, boot int, cause error) error {
	m.out.Failures++
	what := "failed and is left out"
	if trials, whole := files.Measured(); len(whole) > 0 {
		m.out.Delivered++
		what = "failed; of its runs 1 is whole and counts"
		if len(whole) > 1 {
			what = fmt.Sprintf("failed; of its runs %d are whole and count", len(whole))
		}
	} else if trials > 0 {
		what += fmt.Sprintf(", %s in %s", record.Plural(trials, "trial of it is", "trials of it are"), files.Dir)
	}
	fmt.Fprintf(m.Stderr, "tunbench: boot %d of %s %s: %v\n", boot, name, what, cause)
	return files.Close(true)
}

// keep writes what a guest delivered, and counts the runs that failed.
func (m measurement) keep(files *boot.Files, name string, boot int, d Delivery) error {
	whole := map[string][]byte{}
	for _, r := range m.Selection.runs() {
		path := r.what + "/" + record.FileName
		if file, ok := d.Files[path]; ok {
			whole[path] = file
		}
		if path := r.what + "/" + plan.ProfileFile; d.Files[path] != nil {
			whole[path] = d.Files[path]
		}
	}
	if err := errors.Join(files.Complete(whole), files.Close(true)); err != nil {
		return err
	}
	if slices.ContainsFunc(slices.Collect(maps.Keys(whole)), func(path string) bool { return strings.HasSuffix(path, record.FileName) }) {
		m.out.Delivered++
	}
	for i, r := range m.Selection.runs() {
		_, delivered := whole[r.what+"/"+record.FileName]
		end := CommandEnd{Exit: -1, Stderr: "the guest did not say how it ended"}
		if i < len(d.Ends) {
			end = d.Ends[i]
		}
		if end.Exit == 0 && delivered {
			continue
		}
		m.out.Failures++
		what := fmt.Sprintf("exit %d", end.Exit)
		if !delivered {
			what += ", no run file"
		}
		fmt.Fprintf(m.Stderr, "tunbench: boot %d of %s: %s: %s%s\n", boot, name, r.what, what, indent(end.Stderr))
	}
	return nil
}

// indent formats the last lines of a guest's output to stand below a message.
func indent(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	lines = lines[max(0, len(lines)-20):]
	var b strings.Builder
	for _, l := range lines {
		if l = strings.TrimSpace(l); l != "" {
			// Quoted if it would move the cursor.
			if q := strconv.Quote(l); q != `"`+l+`"` && strings.ContainsFunc(l, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				l = q
			}
			b.WriteString("\n  | " + l)
		}
	}
	return b.String()
}
