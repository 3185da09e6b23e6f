package history

import (
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	store "tunbench/reports/history"
)

func addCommand(to Output) *cobra.Command {
	var dir, release string
	cmd := &cobra.Command{
		Use:   "add RUN...",
		Short: "copy runs into the history",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, runs []string) error {
			for _, run := range runs {
				done, err := store.Add(dir, run, release)
				if err != nil {
					return err
				}
				for _, n := range done.Notes {
					to.Warnf("%s: %s", run, n)
				}
				if done.Cut {
					to.Warnf("%s: was interrupted: the finished part is in the history", run)
				}
				said := "added"
				if done.There {
					said = "is there already"
				}
				if done.Release != "" {
					said += ", marked as release " + done.Release
				}
				if !to.Quiet() {
					fmt.Fprintf(to.Stdout, "%s: %s: %s\n", run, said, filepath.Join(dir, done.File))
				}
			}
			return nil
		},
	}
	folderFlag(cmd, &dir)
	cmd.Flags().StringVar(&release, "release", "", "mark the runs as this release; later runs are compared with the last release")
	_ = cmd.RegisterFlagCompletionFunc("release", cobra.NoFileCompletions)
	return cmd
}
