// Package history is tunbench history: it adds runs to a folder, shows how figures moved
// over time, and reports what changed.
package history

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tunbench/bench/completion"
	"tunbench/bench/suite"
	"tunbench/reports/export"
	store "tunbench/reports/history"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/series"
)

// defaultFolder is the folder of the history, next to those of the runs.
var defaultFolder = filepath.Join("reports", "runs", "history")

// Output is where the commands write, and how they end the process.
type Output struct {
	Stdout io.Writer
	Quiet  func() bool
	Warnf  func(format string, args ...any)    // prints to stderr unless -q is given
	Exit   func(code int, because error) error // an error that ends the process with code; because may be nil
}

// Exit codes beside 0, 1 and 2.
const (
	exitUnknown     = 3 // nothing could be judged
	exitInterrupted = 130
)

var (
	arms          = []string{"both", string(record.Bare), string(record.Observed)}
	defaultFormat = export.HistoryFormats()[0]
)

// flags are the flags of history show and history check.
type flags struct {
	dir              string
	filters, metrics []string
	host, since, arm string
	thresholds       []string
	json             bool

	out, format string   // of show
	fail        bool     // of check
	allow       []string // of check
}

// Command returns tunbench history and the commands below it.
func Command(to Output) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history",
		Short: "keep runs over time, draw them, and find when something changed",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(addCommand(to), showCommand(to), checkCommand(to), ackCommand(to), publishCommand(to))
	return cmd
}

func folderFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "dir", defaultFolder, "folder of the history")
	_ = cmd.MarkFlagDirname("dir")
}

func (o *flags) register(cmd *cobra.Command) {
	f := cmd.Flags()
	folderFlag(cmd, &o.dir)
	f.StringArrayVar(&o.filters, "filter", nil, "keep scenarios that match all of 'axis=v1,v2 axis=v' (may repeat)")
	f.StringVar(&o.since, "since", "", "leave out runs from before 2026-01-02, an RFC 3339 time, or so many days such as 30d")
	f.StringVar(&o.arm, "arm", "both", "series of these trials: "+strings.Join(arms, ", "))
	f.StringArrayVar(&o.thresholds, "threshold", nil, "smallest change of a metric that counts: metric=x% (may repeat)")
	_ = cmd.RegisterFlagCompletionFunc("filter", completion.Axis)
	_ = cmd.RegisterFlagCompletionFunc("metric", cobra.FixedCompletions(metric.ThresholdMetrics(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("arm", cobra.FixedCompletions(arms, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("threshold", completion.Threshold)
	_ = cmd.RegisterFlagCompletionFunc("since", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("host", o.completeHost)
}

// completeHost completes the hosts of the history.
func (o *flags) completeHost(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	runs, _, _ := store.Read(o.dir)
	offers := []string{"all"}
	for _, r := range runs {
		if offer := r.Host + "\t" + r.Run.Host.CPU; !slices.Contains(offers, offer) {
			offers = append(offers, offer)
		}
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}

func warn(to Output, c *series.Check) {
	for _, p := range c.Problems {
		to.Warnf("warning: %s", p)
	}
}

// readHistory reads the folder of o as the flags ask for.
func read(to Output, o flags) (*series.Check, error) {
	options, err := o.parse(time.Now())
	if err != nil {
		return nil, err
	}
	runs, problems, err := store.Read(o.dir)
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("the history in %s holds no run: add one with tunbench history add; %s", o.dir, cmp.Or(strings.Join(problems, "; "), "nothing is there"))
	}
	hosts := map[string]bool{}
	newest := runs[0]
	for _, r := range runs {
		hosts[r.Host] = true
		if r.Started().After(newest.Started()) {
			newest = r
		}
	}
	switch o.host {
	case "":
		options.Host = newest.Host
		if len(hosts) > 1 {
			to.Warnf("%d hosts are in the history: %s, of the newest run, is checked; --host all checks all", len(hosts), newest.Host)
		}
	case "all":
	default:
		options.Host = o.host
		if !slices.ContainsFunc(runs, func(r series.StoredRun) bool { return strings.HasPrefix(r.Host, o.host) }) {
			var names []string
			for name := range hosts {
				names = append(names, name)
			}
			slices.Sort(names)
			return nil, fmt.Errorf("--host %q: the history has no run of such a host: choose %s, all", o.host, strings.Join(names, ", "))
		}
	}
	acks, wrong, err := store.Acks(o.dir)
	if err != nil {
		return nil, err
	}
	options.Acks = acks
	h, err := series.NewHistory(o.dir, runs, options)
	if err != nil {
		return nil, err
	}
	h.Problems = append(problems, wrong...)
	return h.Check()
}

func (o flags) parse(now time.Time) (options series.Options, err error) {
	sel, err := suite.ParseSelection(o.filters, nil)
	if err != nil {
		return options, err
	}
	options.Keep = sel.Keeps
	for _, m := range o.metrics {
		if !slices.Contains(metric.ThresholdMetrics(), m) {
			return options, fmt.Errorf("--metric %q: choose %s", m, strings.Join(metric.ThresholdMetrics(), ", "))
		}
	}
	options.Metrics = o.metrics
	if !slices.Contains(arms, o.arm) {
		return options, fmt.Errorf("--arm %q: choose %s", o.arm, strings.Join(arms, ", "))
	}
	if o.arm != "both" {
		options.Arms = []record.Arm{record.Arm(o.arm)}
	}
	if options.Thresholds, err = metric.ParseThresholds(o.thresholds); err != nil {
		return options, err
	}
	if o.since != "" {
		options.Since, err = series.ParseSince(o.since, now)
	}
	return options, err
}

// printLines prints each item as one JSON object a line.
func printLines[T any](w io.Writer, items []T) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, v := range items {
		if err := enc.Encode(v); err != nil {
			return fmt.Errorf("write history: %w", err)
		}
	}
	return nil
}
