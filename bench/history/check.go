package history

import (
	"fmt"

	"github.com/spf13/cobra"

	"tunbench/reports/render"
)

// allowMissing makes history check pass if nothing could be judged.
const allowMissing = "missing"

func checkCommand(to Output) *cobra.Command {
	var o flags
	cmd := &cobra.Command{
		Use:   "check",
		Short: "find what changed in the history, and when",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			for _, field := range o.allow {
				if field != allowMissing {
					return fmt.Errorf("--allow %q: choose %s", field, allowMissing)
				}
			}
			if len(o.allow) > 0 && !o.fail {
				return fmt.Errorf("--allow %s is for --fail: add that, or leave it out", allowMissing)
			}
			c, err := read(to, o)
			if err != nil {
				return err
			}
			if o.json {
				warn(to, c)
				err = printLines(to.Stdout, c.Findings)
				if err == nil {
					err = printLines(to.Stdout, c.Short)
				}
			} else {
				err = render.CheckSummary(to.Stdout, c)
			}
			switch {
			case err != nil || !o.fail:
				return err
			case c.Regressed():
				return to.Exit(1, nil)
			case !c.Told() && len(o.allow) == 0:
				why := "every series is too short to tell"
				if len(c.Series) == 0 {
					why = "no run has a figure that was asked for"
				}
				return to.Exit(exitUnknown, fmt.Errorf("nothing could be judged: %s; --allow missing lets that pass", why))
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.metrics, "metric", nil, "check this metric only (may repeat)")
	f.StringVar(&o.host, "host", "", "fingerprint of a host or its beginning, or all (default: the host of the newest run)")
	o.register(cmd)
	f.BoolVar(&o.json, "json", false, "print one JSON object for each finding, and for each series that is too short to judge, instead of the summary")
	f.BoolVar(&o.fail, "fail", false, "exit with 1 if something regressed, has not recovered and is not acknowledged, with 3 if nothing could be judged")
	f.StringSliceVar(&o.allow, "allow", nil, "with --fail, permit: missing, a history in which nothing could be judged")
	_ = cmd.RegisterFlagCompletionFunc("allow", cobra.FixedCompletions([]string{allowMissing}, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}
