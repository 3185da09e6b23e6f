package main

import (
	"io"

	"github.com/spf13/cobra"

	"tunbench/bench/watch"
)

func watchCommand(a *app) *cobra.Command {
	c := watch.Config{Stdout: a.stdout, Stderr: a.stderr, Host: a.host, Tool: tool()}
	cmd := &cobra.Command{
		Use:   "watch [DEV]",
		Short: "show what a TUN/TAP device of another program does, or list all of the host",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c.Quiet = a.quiet
			if len(args) == 0 {
				if err := leaveOut(cmd, "without DEV all devices are listed (name the one to watch)", except("netns", "json")); err != nil {
					return err
				}
				said := a.stderr
				if a.quiet {
					said = io.Discard
				}
				return watch.List(a.stdout, said, c.Netns, c.JSON)
			}
			if err := c.Check(); err != nil {
				return err
			}
			c.Device = args[0]
			err := watch.Run(cmd.Context(), c)
			if err == nil && c.Duration > 0 && cmd.Context().Err() != nil {
				return exitError{exitInterrupted, nil} // without --duration it is how one ends it
			}
			return err
		},
	}
	c.Register(cmd.Flags())
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(watch.Formats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}
