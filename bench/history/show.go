package history

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"tunbench/bench/folder"
	"tunbench/reports/export"
	"tunbench/reports/metric"
	"tunbench/reports/render"
	"tunbench/reports/series"
)

func showCommand(to Output) *cobra.Command {
	var o flags
	cmd := &cobra.Command{
		Use:   "show",
		Short: "draw the series of the history",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			format, err := export.FindHistoryFormat(cmp.Or(o.format, defaultFormat))
			if err != nil {
				return err
			}
			c, err := read(to, o)
			if err != nil {
				return err
			}
			return draw(to, c, o, format)
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.metrics, "metric", nil, "show this metric (may repeat; default: all of "+strings.Join(metric.ThresholdMetrics(), ", ")+")")
	f.StringVar(&o.host, "host", "all", "fingerprint of a host or its beginning, or all")
	o.register(cmd)
	f.StringVar(&o.out, "out", "", "folder to write the report and its charts to")
	names := export.HistoryFormats()
	f.StringVar(&o.format, "format", "", "format of the report, which is printed, or written to --out, instead of the summary: "+strings.Join(names, ", "))
	f.BoolVar(&o.json, "json", false, "print one JSON object for each series, instead of the summary")
	cmd.MarkFlagsMutuallyExclusive("json", "format")
	cmd.MarkFlagsMutuallyExclusive("json", "out")
	_ = cmd.MarkFlagDirname("out")
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func draw(to Output, c *series.Check, o flags, format export.Format) error {
	report := ""
	if o.out != "" {
		err := folder.ForReport(o.out)
		if err != nil {
			return err
		}
		if report, err = format.WriteHistory(o.out, c); err != nil {
			return err
		}
	}
	switch {
	case o.json:
		warn(to, c)
		return printLines(to.Stdout, c.Series)
	case o.format != "" && o.out == "":
		return format.PrintHistory(to.Stdout, c)
	}
	if err := render.HistorySummary(to.Stdout, c); err != nil {
		return err
	}
	if report != "" {
		fmt.Fprintf(to.Stdout, "\nreport: %s\n", report)
	}
	return nil
}
