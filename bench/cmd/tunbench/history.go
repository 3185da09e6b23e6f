package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tunbench/bench/suite"
	"tunbench/reports/export"
	"tunbench/reports/history"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/series"
)

// defaultHistory is the folder of the history, beside those of the runs.
var defaultHistory = filepath.Join("reports", "runs", "history")

// historyOptions are the flags of history show and history check.
type historyOptions struct {
	dir              string
	filters, metrics []string
	host, since, arm string
	thresholds       []string
	json             bool

	out, format string   // of show
	fail        bool     // of check
	allow       []string // of check
}

// allowMissing lets history check pass where nothing could be judged.
const allowMissing = "missing"

func historyCommand(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "history",
		Short: "keep runs over time, draw them, and find when something changed",
		Long: `history keeps a copy of run files in a folder, which only grows, and reads them
as series: a metric of one scenario on one host over time. Hosts are told apart
by a fingerprint of CPU, memory and virtualisation; another kernel or another
tunbench is the same host.`,
		Example: `  tunbench history add reports/runs/20260102T030405Z-6.18.0
  tunbench history add --release v1.2 run.jsonl
  tunbench history show --metric pps --filter 'queues=1'
  tunbench history check --fail
  tunbench history ack 0123456789 --reason 'the price of the new mitigation'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(historyAddCommand(a), historyShowCommand(a), historyCheckCommand(a), historyAckCommand(a))
	return cmd
}

func historyFlag(cmd *cobra.Command, into *string) {
	cmd.Flags().StringVar(into, "dir", defaultHistory, "folder of the history")
	_ = cmd.MarkFlagDirname("dir")
}

func historyAddCommand(a *app) *cobra.Command {
	var dir, release string
	cmd := &cobra.Command{
		Use:   "add RUN...",
		Short: "copy runs into the history",
		Long: `add copies the file of each RUN, a folder or a run.jsonl, into the history. A run
that is there already is left as it is; with --release it is marked all the
same. An interrupted run is taken, and says so. Several processes may add at once.

Exit codes: 0 all are there; 2 a run could not be added. Those before it were.`,
		Example: `  tunbench history add reports/runs/20260102T030405Z-6.18.0
  tunbench history add --dir ci/history --release v1.2 run.jsonl`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, runs []string) error {
			for _, run := range runs {
				done, err := history.Add(dir, run, release)
				if err != nil {
					return err
				}
				for _, n := range done.Notes {
					a.warnf("%s: %s", run, n)
				}
				if done.Cut {
					a.warnf("%s: was interrupted: what was finished is in the history", run)
				}
				said := "added"
				if done.There {
					said = "is there already"
				}
				if done.Release != "" {
					said += ", marked as release " + done.Release
				}
				if !a.quiet {
					fmt.Fprintf(a.stdout, "%s: %s: %s\n", run, said, filepath.Join(dir, done.File))
				}
			}
			return nil
		},
	}
	historyFlag(cmd, &dir)
	cmd.Flags().StringVar(&release, "release", "", "mark the runs as this release, which later runs are held against")
	_ = cmd.RegisterFlagCompletionFunc("release", cobra.NoFileCompletions)
	return cmd
}

func (o *historyOptions) register(cmd *cobra.Command) {
	f := cmd.Flags()
	historyFlag(cmd, &o.dir)
	f.StringArrayVar(&o.filters, "filter", nil, "keep scenarios that match all of 'axis=v1,v2 axis=v' (may repeat)")
	f.StringVar(&o.since, "since", "", "leave out what is older: 2026-01-02, an RFC 3339 time, or days such as 30d")
	f.StringVar(&o.arm, "arm", "both", "series of these trials: "+strings.Join(arms, ", "))
	f.StringArrayVar(&o.thresholds, "threshold", nil, "smallest change of a metric that counts: metric=x% (may repeat)")
	_ = cmd.RegisterFlagCompletionFunc("filter", completeAxis)
	_ = cmd.RegisterFlagCompletionFunc("metric", cobra.FixedCompletions(metric.ThresholdMetrics(), cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("arm", cobra.FixedCompletions(arms, cobra.ShellCompDirectiveNoFileComp))
	_ = cmd.RegisterFlagCompletionFunc("threshold", completeThreshold)
	_ = cmd.RegisterFlagCompletionFunc("since", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("host", o.completeHost)
}

// completeHost offers the hosts of the history.
func (o *historyOptions) completeHost(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	runs, _, _ := history.Read(o.dir)
	offers := []string{"all"}
	for _, r := range runs {
		if offer := r.Host + "\t" + r.Run.Host.CPU; !slices.Contains(offers, offer) {
			offers = append(offers, offer)
		}
	}
	return offers, cobra.ShellCompDirectiveNoFileComp
}

func historyShowCommand(a *app) *cobra.Command {
	var o historyOptions
	cmd := &cobra.Command{
		Use:   "show",
		Short: "draw the series of the history",
		Long: `show draws each series: how it went, what it is now, and how that stands to the
first run, the one before and the last release. With --format it makes a report
with charts, on which change points and releases are marked.`,
		Example: `  tunbench history show
  tunbench history show --metric cpu_ns_per_pkt --filter 'queues=1 size=64' --since 30d
  tunbench history show --format markdown --out trends
  tunbench history show --json | jq '.points[-1].value'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, err := export.FindHistoryFormat(cmp.Or(o.format, defaultFormat))
			if err != nil {
				return err
			}
			c, err := readHistory(a, o)
			if err != nil {
				return err
			}
			return showHistory(a, c, o, format)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.metrics, "metric", nil, "show this metric (may repeat; default: all of "+strings.Join(metric.ThresholdMetrics(), ", ")+")")
	f.StringVar(&o.host, "host", "all", "fingerprint of a host, or how it begins; all")
	o.register(cmd)
	f.StringVar(&o.out, "out", "", "folder to write the report and its charts to")
	names := export.HistoryFormats()
	f.StringVar(&o.format, "format", "", "print or, with --out, write the report itself instead of the summary: "+strings.Join(names, ", "))
	f.BoolVar(&o.json, "json", false, "print one object for each series instead of the summary")
	cmd.MarkFlagsMutuallyExclusive("json", "format")
	cmd.MarkFlagsMutuallyExclusive("json", "out")
	_ = cmd.MarkFlagDirname("out")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func historyCheckCommand(a *app) *cobra.Command {
	var o historyOptions
	cmd := &cobra.Command{
		Use:   "check",
		Short: "say what changed in the history, and when it began",
		Long: `check goes through the runs in their order and judges each series after each of
them, so that what it finds does not depend on how often it was called. It finds
change points, by E-divisive with a permutation test, with 4 runs or more on each
side; a run that is off on its own, beyond the range and the scatter of the runs
before it, from the seventh run on; and drift, since the last release or since
the level began. Each has p < 0.001, and counts if it reaches the threshold of its
metric or, if that is larger, what A/A runs say that the host can see.

What regressed is told until the level goes back or somebody acknowledges it:
tunbench history ack ID. What improved or went back is told if it happened in the last
50 runs and since the last release. A series of fewer than 17 valid runs without a
finding is too short to tell: there are changes that nobody can tell from noise.

Exit codes: 0 also where something regressed, which is told; with --fail 1 if
something regressed, has not gone back and is not acknowledged, and 3 if nothing
could be judged, because every series is too short or none was asked for
(--allow missing: 0); 2 wrong use.`,
		Example: `  tunbench history check
  tunbench history check --dir ci/history --fail --threshold pps=5%
  tunbench history check --host all --json | jq 'select(.verdict == "regression" and .standing and .acknowledged == null)'`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, field := range o.allow {
				if field != allowMissing {
					return fmt.Errorf("--allow %q: choose %s", field, allowMissing)
				}
			}
			c, err := readHistory(a, o)
			if err != nil {
				return err
			}
			if o.json {
				warnHistory(a, c)
				err = printVerdicts(a.stdout, c.Findings)
				if err == nil {
					err = printVerdicts(a.stdout, c.Short)
				}
			} else {
				err = render.CheckSummary(a.stdout, c)
			}
			switch {
			case err != nil || !o.fail:
				return err
			case c.Regressed():
				return exitError{code: 1}
			case !c.Told() && len(o.allow) == 0:
				why := "every series is too short to tell"
				if len(c.Series) == 0 {
					why = "no run has a figure that was asked for"
				}
				return exitError{code: exitUnknown, err: fmt.Errorf("nothing could be judged: %s; --allow missing lets that pass", why)}
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.metrics, "metric", nil, "check this metric only (may repeat)")
	f.StringVar(&o.host, "host", "", "fingerprint of a host, or how it begins; all (default: that of the newest run)")
	o.register(cmd)
	f.BoolVar(&o.json, "json", false, "print one object for each finding, and for each series that is too short to tell, instead of the summary")
	f.BoolVar(&o.fail, "fail", false, "exit with 1 if something regressed, has not gone back and is not acknowledged, with 3 if nothing could be judged")
	f.StringSliceVar(&o.allow, "allow", nil, "with --fail, let pass: missing, a history in which nothing can be judged")
	_ = cmd.RegisterFlagCompletionFunc("allow", cobra.FixedCompletions([]string{allowMissing}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func historyAckCommand(a *app) *cobra.Command {
	o := historyOptions{host: "all", arm: "both"}
	var reason string
	cmd := &cobra.Command{
		Use:   "ack ID --reason R",
		Short: "acknowledge a finding, which then fails no job",
		Long: `ack keeps in the history that somebody knows of the finding with that ID, which
history check prints, and why it may stay. check and show go on to tell it, with the reason;
check --fail passes. What gets worse on top of it is another finding. An ID
that was found with --threshold is known with the same --threshold only.

Exit codes: 0 it is kept; 2 there is no such finding, no reason is given, or it
is acknowledged already.`,
		Example: `  tunbench history ack 0123456789 --reason 'the price of the new mitigation'
  tunbench history ack --dir ci/history 0123456789 --reason 'see the mailing list'`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return fmt.Errorf("acknowledge %q: say why: --reason 'some words'", args[0])
			}
			c, err := readHistory(a, o)
			if err != nil {
				return err
			}
			f, ok, err := c.Finding(args[0])
			if err != nil {
				return err
			}
			if !ok {
				return fmt.Errorf("acknowledge %q: nothing in the history in %s was found under this ID: tunbench history check --host all prints them", args[0], o.dir)
			}
			if err := history.Ack(o.dir, f.ID, series.Ack{Reason: reason, Time: time.Now().UTC().Format(time.RFC3339)}); err != nil {
				return err
			}
			if !a.quiet {
				fmt.Fprintf(a.stdout, "acknowledged %s, %s of %s of %s: %s\n", f.ID, f.Verdict, f.Series.Metric, f.Series.Scenario, strings.TrimSpace(reason))
			}
			return nil
		},
	}
	historyFlag(cmd, &o.dir)
	cmd.Flags().StringVar(&reason, "reason", "", "why it may stay, in one line")
	cmd.Flags().StringArrayVar(&o.thresholds, "threshold", nil, "smallest change of a metric that counts, as given to check: metric=x% (may repeat)")
	_ = cmd.RegisterFlagCompletionFunc("reason", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("threshold", completeThreshold)
	return cmd
}

func warnHistory(a *app, c *series.Check) {
	for _, p := range c.Problems {
		a.warnf("warning: %s", p)
	}
}

func showHistory(a *app, c *series.Check, o historyOptions, format export.Format) error {
	report := ""
	if o.out != "" {
		var err error
		if report, err = format.WriteHistory(o.out, c); err != nil {
			return err
		}
	}
	switch {
	case o.json:
		warnHistory(a, c)
		return printVerdicts(a.stdout, c.Series)
	case o.format != "" && o.out == "":
		return format.PrintHistory(a.stdout, c)
	}
	if err := render.HistorySummary(a.stdout, c); err != nil {
		return err
	}
	if report != "" {
		fmt.Fprintf(a.stdout, "\nreport: %s\n", report)
	}
	return nil
}

// readHistory reads the folder of o as the flags ask for.
func readHistory(a *app, o historyOptions) (*series.Check, error) {
	options, err := o.parse(time.Now())
	if err != nil {
		return nil, err
	}
	runs, problems, err := history.Read(o.dir)
	if err != nil {
		return nil, err
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("the history in %s holds no run: tunbench history add; %s", o.dir, cmp.Or(strings.Join(problems, "; "), "nothing is there"))
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
			a.warnf("%d hosts are in the history: %s, of the newest run, is checked; --host all checks all", len(hosts), newest.Host)
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
			return nil, fmt.Errorf("--host %q: no run is of such a host: choose %s, all", o.host, strings.Join(names, ", "))
		}
	}
	acks, wrong, err := history.Acks(o.dir)
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

func (o historyOptions) parse(now time.Time) (options series.Options, err error) {
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
	if options.Thresholds, err = parseThresholds(o.thresholds); err != nil {
		return options, err
	}
	if o.since != "" {
		options.Since, err = parseSince(o.since, now)
	}
	return options, err
}

// parseSince reads a day, a time, or a number of days before now.
func parseSince(s string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--since %q: write a day like 2026-01-02, an RFC 3339 time, or days before now like 30d", s)
}
