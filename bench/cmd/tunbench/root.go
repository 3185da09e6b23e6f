package main

import (
	"fmt"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func rootCommand(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "tunbench",
		Short: "measure Linux TUN/TAP devices, seen from inside the kernel",
		Long: `tunbench builds TUN and TAP devices in a network namespace of its own, drives
packets through them, watches tun_net_xmit and tun_do_read with eBPF, and
writes what it measured to run.jsonl and report.md.

Exit codes: 0 all well; 1 a regression; 2 wrong use or a failure of the tool;
3 not judged: a scenario of the base is missing or failed, or nothing could be
judged, and under --strict or --fail-on inconclusive what is inconclusive or
invalid; 130 interrupted.`,
		Example: `  sudo tunbench run --suite smoke
  tunbench doctor
  tunbench report reports/runs/20260102T030405Z-6.18.0`,
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
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "print errors only, beside what was asked for")
	root.PersistentFlags().BoolVarP(&a.verbose, "verbose", "v", false, "print a line for each scenario where no progress is drawn")
	root.MarkFlagsMutuallyExclusive("quiet", "verbose")
	root.AddCommand(runCommand(a), abCommand(a), workerCommand(a), listCommand(a), doctorCommand(a), reportCommand(a), compareCommand(a), historyCommand(a), mergeCommand(a), vmCommand(a), kernelsCommand(a), versionCommand(a), manCommand(a))
	return root
}

// mayBeEmpty are the flags whose empty value says something: a scenario as it
// is, no more kernel parameters.
var mayBeEmpty = []string{"a", "b", "append"}

// noneEmpty refuses `--out ”` and its like, which a script writes where it means
// another value: taken for the default, it would measure something else.
func noneEmpty(cmd *cobra.Command) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && f.Value.Type() == "string" && f.Value.String() == "" && !slices.Contains(mayBeEmpty, f.Name) {
			err = fmt.Errorf("--%s \"\": is empty: give it a value, or leave it out; see %s --help", f.Name, cmd.CommandPath())
		}
	})
	return err
}
