package advise

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"tunbench/bench/folder"
	"tunbench/bench/plan"
	"tunbench/reports/advice"
	documentadvise "tunbench/reports/document/advise"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/snippet"
)

// Exit codes, as of every command.
const (
	exitFailure     = 2
	exitUnknown     = 3
	exitInterrupted = 130
)

// leastBudget is the least time in which a knock-out and a final fit.
const leastBudget = 10 * time.Second

// Command is the command tunbench advise.
type Command struct {
	Stdout, Stderr io.Writer
	Quiet, Verbose bool
	Args           []string // of tunbench, for the header
	Tool           record.Tool
	Hold           func(path string) error // locks the run file

	YAML bool // print the candidates, and measure nothing

	candidates, out, format, cpus string
	plants                        []string
	budget                        time.Duration
	seed                          uint64
	asJSON                        bool

	config Config
}

// formats are the values of --format.
var formats = []string{"markdown", "html"}

// Register registers the flags of the command.
func (c *Command) Register(f *pflag.FlagSet) {
	f.DurationVar(&c.budget, "budget", 5*time.Minute, "time for all of it, at least "+leastBudget.String())
	f.StringVar(&c.candidates, "candidates", "", "YAML file with candidates of your own instead of a topic; --yaml prints one to start from")
	f.StringArrayVar(&c.plants, "plant", nil, "give some candidates more axes, such as a cost of known size: 'vnet=10 io=read: filter=2000ns' (may repeat)")
	f.BoolVar(&c.YAML, "yaml", false, "print the candidates of the topic as a file for --candidates, and measure nothing")
	f.StringVar(&c.out, "out", "", "folder for run.jsonl, advice.jsonl, report.md and the code (default reports/runs/<UTC time>-advise-<topic>-<kernel release>/)")
	f.StringVar(&c.format, "format", formats[0], "format of a second report, beside report.md: "+strings.Join(formats, ", "))
	f.BoolVar(&c.asJSON, "json", false, "print the records of the advice instead of the summary, one JSON object a line")
	f.StringVar(&c.cpus, "cpus", "", "CPUs to use, such as 0,2-3: the first half sends, the second half reads (default: from the topology)")
	f.Uint64Var(&c.seed, "seed", 0, "seed of the order of trials and of all else that is random (default: random; it is recorded)")
}

// Prepare checks the flags. It reads nothing but the file of candidates.
func (c *Command) Prepare(args []string, seeded bool) (err error) {
	name := ""
	switch {
	case len(args) == 0 && c.candidates == "":
		return fmt.Errorf("name a topic, %s, or give --candidates FILE.yaml", strings.Join(Topics, ", "))
	case len(args) > 0 && c.candidates != "":
		return fmt.Errorf("%s and --candidates %s: leave one of them out", args[0], c.candidates)
	case len(args) > 0:
		name = args[0]
	}
	if c.budget < leastBudget {
		return fmt.Errorf("--budget %v: choose at least %v", c.budget, leastBudget)
	}
	if !slices.Contains(formats, c.format) {
		return fmt.Errorf("--format %s: choose %s", c.format, strings.Join(formats, " or "))
	}
	if c.config.Topic, err = LoadTopic(name, c.candidates); err != nil {
		return err
	}
	for _, written := range c.plants {
		p, err := ParsePlant(written)
		if err != nil {
			return fmt.Errorf("--plant: %w", err)
		}
		c.config.Plants = append(c.config.Plants, p)
	}
	if c.config.Plan.CPUs, err = plan.ParseCPUs(c.cpus); err != nil {
		return fmt.Errorf("--cpus %q: %w", c.cpus, err)
	}
	if !seeded {
		c.seed = rand.Uint64()
	}
	f := newField(c.config.Topic, c.config.Plants)
	if _, err := f.base(); err != nil {
		return fmt.Errorf("%s: the plain candidate: %w", c.config.Topic.Name, err)
	}
	return f.planted()
}

// Run measures and reports. The exit code is that of the process, unless err is nil and the
// code 0.
func (c *Command) Run(ctx context.Context, labs Labs, host func() record.Host) (code int, err error) {
	if c.YAML {
		_, err := c.Stdout.Write(c.config.Topic.YAML())
		return failed(err)
	}
	now, name := time.Now(), "advise-"+c.config.Topic.Name
	p := &c.config.Plan
	p.Suite, p.Seed, p.Host, p.Tool, p.Args, p.Hook = name, c.seed, host(), c.Tool, c.Args, record.HookNone
	c.config.Budget = c.budget
	if c.out == "" {
		c.out = folder.Default(now, name+"-"+p.Host.Kernel)
	}
	path := filepath.Join(c.out, record.FileName)
	if err := folder.Free(path, ""); err != nil {
		return exitFailure, err
	}
	told := newProgress(c.Stderr, c.Quiet, c.Verbose)
	defer told.Clear()
	c.config.Tell = told.step
	created := false
	found, begun, err := c.config.Run(ctx, labs, func() (plan.Recorder, error) {
		rec, err := folder.Create(path, c.Hold)
		created = err == nil
		return rec, err
	})
	told.Clear()
	switch {
	case !begun && created:
		os.Remove(path)
		os.Remove(c.out) // fails, as it should, if the folder held something before
		return exitFailure, err
	case err != nil:
		return exitFailure, err
	}
	if err := c.report(found); err != nil {
		return exitFailure, fmt.Errorf("%w; the trials are in %s", err, path)
	}
	code = exitCode(found)
	switch code {
	case exitInterrupted:
		err = fmt.Errorf("interrupted: %s in %s", record.Plural(found.Trials, "trial is", "trials are"), path)
	case exitUnknown:
		err = errors.New("no recommendation can be made: " + found.Why)
	}
	return code, err
}

// report writes what was found into the folder, and prints it.
func (c *Command) report(a *advice.Advice) error {
	var records bytes.Buffer
	if err := a.Write(&records); err != nil {
		return err
	}
	keep := folder.Keep(c.out)
	if err := keep(advice.FileName, records.Bytes()); err != nil {
		return err
	}
	doc := documentadvise.New(a)
	if err := render.WriteDocument(c.out, doc); err != nil {
		return err
	}
	written := []string{filepath.Join(c.out, render.ReportName)}
	if c.format == "html" {
		files, err := render.HTMLFiles(doc)
		if err != nil {
			return err
		}
		if err := render.WriteFiles(c.out, files); err != nil {
			return err
		}
		written = append(written, filepath.Join(c.out, files[0].Name))
	}
	if a.Use.Words != "" {
		for file, write := range map[string]func(map[string]string, string) (string, error){snippet.GoName: snippet.Go, snippet.CName: snippet.C} {
			code, err := write(a.Use.Axes, a.Use.Words)
			if err == nil {
				err = keep(file, []byte(code))
			}
			if err != nil {
				return err
			}
		}
	}
	if c.asJSON {
		_, err := c.Stdout.Write(records.Bytes())
		return err
	}
	if err := render.Advice(c.Stdout, a); err != nil {
		return err
	}
	fmt.Fprintln(c.Stdout)
	if a.Use.Words != "" {
		fmt.Fprintln(c.Stdout, documentadvise.CodeIn(filepath.Join(c.out, snippet.GoName), filepath.Join(c.out, snippet.CName)))
	}
	for _, file := range written {
		fmt.Fprintf(c.Stdout, "report: %s\n", file)
	}
	return nil
}

func failed(err error) (int, error) {
	if err != nil {
		return exitFailure, err
	}
	return 0, nil
}
