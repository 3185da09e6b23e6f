// Package watch is the command that shows what a TUN/TAP device of someone else does.
package watch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"tunbench/bench/folder"
	"tunbench/harness/watch"
	"tunbench/reports/disk"
	"tunbench/reports/document"
	documentwatch "tunbench/reports/document/watch"
	"tunbench/reports/live"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/screen"
	"tunbench/reports/stat"
	"tunbench/reports/watched"
)

// FileName is the file of records in the folder of --out.
const FileName = "watch.jsonl"

// Config says what to watch, and where to show it.
type Config struct {
	watch.Options
	Duration time.Duration // 0: until ctx ends or the device goes away
	JSON     bool          // records on Stdout, also where that is a terminal
	Buckets  bool          // keep the buckets of histograms in records
	Out      string        // folder for records and a report; "": none
	Format   string        // of a second report in Out, beside report.md: one of Formats
	Quiet    bool          // say nothing of what happens to the device
	// Host and Tool are named at the foot of pictures. Host is asked only for a report.
	Host   func() record.Host
	Tool   record.Tool
	Stdout io.Writer
	Stderr io.Writer
}

// Formats are the values of --format, the default first: it stands for no second report.
var Formats = []string{"markdown", "html"}

// Register registers the flags of the command.
func (c *Config) Register(f *pflag.FlagSet) {
	f.StringVar(&c.Netns, "netns", "", "network namespace of the device: its name, the path of its file, or the number of a process in it")
	f.BoolVar(&c.Wait, "wait", false, "wait for the device, also when it goes away")
	f.DurationVar(&c.Interval, "interval", time.Second, "how often to show what happened")
	f.DurationVar(&c.Duration, "duration", 0, "how long to watch (default: until interrupted)")
	f.StringVar(&c.Hook, "hook", "auto", "auto, kprobe, fentry, tracepoint or none")
	f.BoolVar(&c.Returns, "returns", false, "also count errors of reads and writes, by programs on the returns of functions")
	f.BoolVar(&c.Flows, "flows", false, "also count packets by flow, which costs the device more")
	f.BoolVar(&c.Cost, "cost", false, "switch the observer on and off in one half of each interval, to measure what it costs")
	f.BoolVar(&c.JSON, "json", false, "print records, one a line, as into a pipe")
	f.BoolVar(&c.Buckets, "buckets", false, "keep the buckets of histograms in records")
	f.StringVar(&c.Out, "out", "", "folder for the records and a report with time lines")
	f.StringVar(&c.Format, "format", Formats[0], "format of a second report in the folder of --out, beside report.md: "+strings.Join(Formats, ", "))
}

// Check checks the flags.
func (c *Config) Check() error {
	const least = 10 * time.Millisecond
	switch {
	case c.Interval < least:
		return fmt.Errorf("--interval %v: choose at least %v", c.Interval, least)
	case c.Duration < 0:
		return fmt.Errorf("--duration %v: choose how long to watch, such as 1m, or leave it out to watch until Ctrl-C", c.Duration)
	case c.Hook == record.HookNone && (c.Cost || c.Returns || c.Flows):
		used := map[bool]string{c.Flows: "flows", c.Returns: "returns", c.Cost: "cost"}
		return fmt.Errorf("--hook none attaches nothing to the kernel: leave out --%s", used[true])
	case !slices.Contains(Formats, c.Format):
		return fmt.Errorf("--format %q: choose %s", c.Format, strings.Join(Formats, " or "))
	case c.Format != Formats[0] && c.Out == "":
		return fmt.Errorf("--format %s writes a report: name a folder for it with --out", c.Format)
	case c.Out != "":
		return folder.ForReport(c.Out)
	}
	return nil
}

// command is a running watch.
type command struct {
	Config
	screen  screen.Screen
	live    bool // Stdout is the screen that programs draw on
	shown   live.Watch
	file    *os.File
	total   watched.Sum
	events  []string
	changes []float64 // ln(with / without observer), of each pair of phases
	runNs   float64   // in the observer's programs, while so many packets passed
	runPkts float64
}

// Run watches a device until ctx ends, Duration is over or the device goes away. What was
// counted until then is shown and, with Out, written.
func Run(ctx context.Context, c Config) error {
	w := &command{Config: c, screen: screen.Of(c.Stdout)}
	w.Options.Say = w.say
	s, err := watch.Open(ctx, w.Options)
	if err != nil {
		return w.ended(ctx, err)
	}
	defer func() { s.Close() }()
	if why := s.Unobserved(); why != "" {
		w.say("only the device's own counters are known: %s", why)
	}
	if err := w.create(); err != nil {
		return err
	}
	if c.Duration > 0 { // from when it is watched
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.Duration)
		defer cancel()
	}
	if w.screen.Live && !c.JSON {
		w.live = true
		fmt.Fprint(c.Stdout, enter)
	}
	err = w.loop(ctx, s)
	if w.live {
		w.live = false
		fmt.Fprint(c.Stdout, leave)
	}
	return errors.Join(w.ended(ctx, err), w.finish(), s.Close())
}

// ended is err, unless the user or the duration ended the session.
func (w *command) ended(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil
	}
	return err
}

func (w *command) loop(ctx context.Context, s *watch.Session) error {
	for ctx.Err() == nil {
		r, err := s.Next(ctx)
		if r.IntervalNs > 0 {
			if err := w.take(r); err != nil {
				return err
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// take shows an interval and keeps it.
func (w *command) take(r live.Watch) error {
	if w.Cost {
		r.Cost = w.cost(r)
	}
	w.total.Add(r)
	if !w.Buckets {
		r.DropBuckets()
	}
	line, err := r.Line()
	if err != nil {
		return err
	}
	if w.file != nil {
		if _, err := w.file.Write(line); err != nil {
			return err // which says what was written where
		}
	}
	switch {
	case w.live:
		w.shown = r
		err = w.redraw()
	case w.JSON || w.screen.Columns == 0:
		_, err = w.Stdout.Write(line)
	default: // a terminal that cannot redraw
		_, err = io.WriteString(w.Stdout, strings.Join(draw(w.screen, r, &w.total, w.events), "\n")+"\n\n")
	}
	if err != nil {
		return fmt.Errorf("write to stdout: %w", err)
	}
	return nil
}

// redraw draws the last interval on the screen.
func (w *command) redraw() error {
	size := screen.Of(w.Stdout) // the user may have changed it
	_, err := io.WriteString(w.Stdout, frame(draw(size, w.shown, &w.total, w.events), size))
	return err
}

// leastPairs is how many pairs of phases an interval of the cost needs.
const leastPairs = 6

// cost adds the two phases of r. It is nil as long as there are too few.
func (w *command) cost(r live.Watch) *live.Cost {
	w.runNs += r.RunNs
	w.runPkts += r.RunPkts
	// The interval of many pairs would take long to compute; a sample of them serves.
	const most = 400
	for _, change := range r.Changes {
		if len(w.changes) < most {
			w.changes = append(w.changes, change)
		} else {
			w.changes[rand.IntN(most)] = change
		}
	}
	if len(w.changes) < leastPairs {
		return nil
	}
	e, err := stat.SignedRankInterval(w.changes, 0.05)
	if err != nil {
		return nil
	}
	return &live.Cost{
		PPSChange: math.Expm1(e.Value), CI: [2]float64{math.Expm1(e.Low), math.Expm1(e.High)}, Pairs: len(w.changes),
		RunNsPerPkt: w.runNs / max(w.runPkts, 1),
	}
}

// say tells what happened to the device. While a device is waited for, no interval ends:
// so the screen is redrawn at once.
func (w *command) say(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	w.events = append(w.events, time.Now().Format("15:04:05 ")+text)
	switch {
	case w.live && w.shown.IntervalNs > 0:
		_ = w.redraw() // a terminal that has gone away is told of at the end of an interval
	case !w.live && !w.Quiet:
		fmt.Fprintln(w.Stderr, text)
	}
}

// create makes the folder of --out and its file, if there is to be one. A file that is
// there is left alone.
func (w *command) create() error {
	if w.Out == "" {
		return nil
	}
	if err := disk.MakeFolder(w.Out); err != nil {
		return fmt.Errorf("make folder: %w", err)
	}
	var err error
	w.file, err = disk.Open(filepath.Join(w.Out, FileName), os.O_WRONLY|os.O_EXCL|os.O_APPEND)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already: choose another folder with --out", filepath.Join(w.Out, FileName))
	}
	return err
}

// finish shows the sums and writes the report.
func (w *command) finish() error {
	var errs []error
	if w.file != nil {
		errs = append(errs, w.file.Sync(), w.file.Close())
	}
	if w.total.Begun == 0 {
		if !w.Quiet {
			fmt.Fprintln(w.Stderr, "nothing was watched")
		}
		return errors.Join(errs...)
	}
	started := time.Unix(0, w.total.Begun).UTC().Format(time.RFC3339)
	doc := documentwatch.New(&w.total, w.events, document.SourceOf(&record.Run{Host: w.Host(), Tool: w.Tool, Started: started}))
	written, err := w.report(doc)
	errs = append(errs, err)
	to := w.Stdout
	if w.JSON || w.screen.Columns == 0 {
		to = w.Stderr // stdout has records
	}
	if !w.Quiet {
		summary(to, doc)
		for _, file := range written {
			fmt.Fprintf(w.Stderr, "report: %s\n", file)
		}
	}
	return errors.Join(errs...)
}

// report writes the report into the folder of --out, in each format that is wanted, and
// names its files.
func (w *command) report(doc document.Document) (written []string, err error) {
	if w.Out == "" {
		return nil, nil
	}
	if err := render.WriteDocument(w.Out, doc); err != nil {
		return nil, err
	}
	written = append(written, filepath.Join(w.Out, render.ReportName))
	if w.Format != "html" {
		return written, nil
	}
	files, err := render.HTMLFiles(doc)
	if err != nil {
		return written, err
	}
	if err := render.WriteFiles(w.Out, files); err != nil {
		return written, err
	}
	return append(written, filepath.Join(w.Out, files[0].Name)), nil
}

// summary prints the first sentences of the report.
func summary(to io.Writer, d document.Document) {
	s := screen.Of(to)
	print := func(text string) {
		for _, line := range screen.Wrap(s.Text(text), s.Columns, "  ") {
			fmt.Fprintln(to, line)
		}
	}
	for _, a := range d.Alerts {
		print(document.PlainText(a))
	}
	print(document.PlainText(d.Lead))
	for _, p := range d.Points {
		print(strings.TrimSpace(document.PlainText(p)))
	}
}
