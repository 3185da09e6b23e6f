package history

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"tunbench/bench/completion"
	store "tunbench/reports/history"
	"tunbench/reports/series"
)

func ackCommand(to Output) *cobra.Command {
	o := flags{host: "all", arm: "both"}
	var reason string
	var incident bool
	cmd := &cobra.Command{
		Use:   "ack ID --reason R",
		Short: "acknowledge a finding, so that it fails no job",
		Args:  cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if strings.TrimSpace(reason) == "" {
				return fmt.Errorf("acknowledge %q: say why: --reason 'some words'", args[0])
			}
			c, err := read(to, o)
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
			list := []series.Finding{f}
			if incident {
				list = together(c, f)
			}
			ack := series.Ack{Reason: reason, Time: time.Now().UTC().Format(time.RFC3339)}
			for _, f := range list {
				if err := store.Ack(o.dir, f.ID, ack); err != nil {
					return err
				}
				if !to.Quiet() {
					fmt.Fprintf(to.Stdout, "acknowledged %s, %s of %s of %s: %s\n", f.ID, f.Verdict, f.Series.Metric, f.Series.Scenario, strings.TrimSpace(reason))
				}
			}
			return nil
		},
	}
	folderFlag(cmd, &o.dir)
	cmd.Flags().BoolVar(&incident, "incident", false, "acknowledge all changes of the incident that the finding is part of")
	cmd.Flags().StringVar(&reason, "reason", "", "why the finding is accepted, in one line")
	cmd.Flags().StringArrayVar(&o.thresholds, "threshold", nil, "smallest change of a metric that counts, as given to check: metric=x% (may repeat)")
	_ = cmd.RegisterFlagCompletionFunc("reason", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("threshold", completion.Threshold)
	return cmd
}

// together are the findings of the incident of f that nobody has acknowledged; f alone if
// there is none: its incident is old, or all of it is acknowledged.
func together(c *series.Check, f series.Finding) (list []series.Finding) {
	for _, i := range c.Incidents {
		if !slices.ContainsFunc(i.Findings, func(g series.Finding) bool { return g.ID == f.ID }) {
			continue
		}
		for _, g := range i.Findings {
			if g.Acknowledged == nil {
				list = append(list, g)
			}
		}
	}
	if len(list) == 0 {
		return []series.Finding{f}
	}
	return list
}
