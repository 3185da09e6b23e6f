package history

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	document "tunbench/reports/document/history"
	"tunbench/reports/metric"
	"tunbench/reports/render"
	"tunbench/reports/site"
)

func publishCommand(to Output) *cobra.Command {
	var o flags
	cmd := &cobra.Command{
		Use:   "publish DIR",
		Short: "make a site of the history: pages that need no server",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := read(to, o)
			if err != nil {
				return err
			}
			warn(to, c)
			var files []site.File
			for _, p := range document.Site(document.New(c)) {
				var page bytes.Buffer
				if err := render.HTML(&page, p.Document); err != nil {
					return err
				}
				files = append(files, site.File{Name: p.Name, Content: page.Bytes()})
			}
			err = site.Publish(cmd.Context(), args[0], files)
			switch {
			case errors.Is(err, context.Canceled):
				return to.Exit(exitInterrupted, err)
			case err != nil:
				return err
			}
			if !to.Quiet() {
				fmt.Fprintf(to.Stdout, "published %d pages: %s\n", len(files), filepath.Join(args[0], document.IndexName))
			}
			return nil
		},
	}
	f := cmd.Flags()
	f.StringArrayVar(&o.metrics, "metric", nil, "publish this metric (may repeat; default: all of "+strings.Join(metric.ThresholdMetrics(), ", ")+")")
	f.StringVar(&o.host, "host", "all", "fingerprint of a host or its beginning, or all")
	o.register(cmd)
	cmd.ValidArgsFunction = func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return nil, cobra.ShellCompDirectiveFilterDirs
	}
	return cmd
}
