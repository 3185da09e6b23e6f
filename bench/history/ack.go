package history

import (
	"fmt"
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
			if err := store.Ack(o.dir, f.ID, series.Ack{Reason: reason, Time: time.Now().UTC().Format(time.RFC3339)}); err != nil {
				return err
			}
			if !to.Quiet() {
				fmt.Fprintf(to.Stdout, "acknowledged %s, %s of %s of %s: %s\n", f.ID, f.Verdict, f.Series.Metric, f.Series.Scenario, strings.TrimSpace(reason))
			}
			return nil
		},
	}
	folderFlag(cmd, &o.dir)
	cmd.Flags().StringVar(&reason, "reason", "", "why the finding is accepted, in one line")
	cmd.Flags().StringArrayVar(&o.thresholds, "threshold", nil, "smallest change of a metric that counts, as given to check: metric=x% (may repeat)")
	_ = cmd.RegisterFlagCompletionFunc("reason", cobra.NoFileCompletions)
	_ = cmd.RegisterFlagCompletionFunc("threshold", completion.Threshold)
	return cmd
}
