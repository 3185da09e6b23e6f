package main

import (
	"cmp"
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
	group(root)
	return root
}

// first are the things that people do with tunbench, in the order in which they come to
// them; of those that there are, the help shows five before the rest.
var first = []string{"doctor", "run", "advise", "ab", "compare", "watch"}

// group sets apart what people do, in the help of root.
func group(root *cobra.Command) {
	cobra.EnableCommandSorting = false
	root.AddGroup(&cobra.Group{ID: "first", Title: "What people do with it:"}, &cobra.Group{ID: "more", Title: "More commands:"})
	root.SetHelpCommandGroupID("more")
	root.SetCompletionCommandGroupID("more")
	all, n := slices.Clone(root.Commands()), 0
	slices.SortStableFunc(all, func(a, b *cobra.Command) int { return cmp.Compare(place(a), place(b)) })
	root.RemoveCommand(all...)
	for _, c := range all {
		c.GroupID = "more"
		if place(c) < len(first) && n < 5 {
			c.GroupID, n = "first", n+1
		}
		root.AddCommand(c)
	}
}

// place is that of c among the things that people do, or behind them.
func place(c *cobra.Command) int {
	if i := slices.Index(first, c.Name()); i >= 0 {
		return i
	}
	return len(first)
}

// mayBeEmpty are the flags whose empty value has a meaning: an unchanged scenario, no
// more kernel parameters.
var mayBeEmpty = []string{"a", "b", "append"}

// leaveOut returns an error for the first flag that was given and has no effect; why says in
// which mode of the command that is so. --quiet and --verbose may always be given.
func leaveOut(cmd *cobra.Command, why string, useless func(flag string) bool) (err error) {
	cmd.Flags().Visit(func(f *pflag.Flag) {
		if err == nil && f.Name != "quiet" && f.Name != "verbose" && useless(f.Name) {
			err = fmt.Errorf("%s: leave out --%s", why, f.Name)
		}
	})
	return err
}

// except is for leaveOut: all flags but these.
func except(used ...string) func(string) bool {
	return func(flag string) bool { return !slices.Contains(used, flag) }
}

// anyOf is for leaveOut: these flags.
func anyOf(flags ...string) func(string) bool {
	return func(flag string) bool { return slices.Contains(flags, flag) }
}

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
