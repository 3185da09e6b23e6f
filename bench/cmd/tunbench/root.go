package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func rootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:           "tunbench",
		Short:         "measure Linux TUN/TAP devices and observe them inside the kernel",
		Args:          cobra.NoArgs,
		SilenceUsage:  true,
		SilenceErrors: true,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		// cobra calls this before each command.
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error { return noneEmpty(cmd) },
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())
	})
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "print results and errors only")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "print a line for each scenario if no progress is drawn")
	root.MarkFlagsMutuallyExclusive("quiet", "verbose")
	root.AddCommand(runCommand(a), abCommand(a), adviseCommand(a), workerCommand(a), listCommand(a), doctorCommand(a), reportCommand(a), compareCommand(a), historyCommand(a), watchCommand(a), mergeCommand(a), vmCommand(a), kernelsCommand(a), versionCommand(a), manCommand(a))
	explain(root)
	return root
}

// mayBeEmpty are the flags whose empty value has a meaning: an unchanged scenario, no
// more kernel parameters.
var mayBeEmpty = []string{"a", "b", "append"}

// noneEmpty refuses an empty value, such as that of `--out "$unset"` in a script: if it
// were taken for the default, something else would be measured.
func noneEmpty(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && f.Value.Type() == "string" && f.Value.String() == "" && !slices.Contains(mayBeEmpty, f.Name) {
			err = fmt.Errorf("--%s \"\": is empty: give it a value, or leave it out; see %s --help", f.Name, cmd.CommandPath())
		}
	})
	return err
}
