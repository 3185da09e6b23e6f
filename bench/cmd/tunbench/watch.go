package main

import (
	"fmt"
	"time"

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
				return watch.List(a.stdout, a.stderr, c.Netns, c.JSON)
			}
			if c.Device = args[0]; c.Interval < 10*time.Millisecond {
				return fmt.Errorf("--interval %v: choose at least 10ms", c.Interval)
			}
			err := watch.Run(cmd.Context(), c)
			if err == nil && c.Duration > 0 && cmd.Context().Err() != nil {
				return exitError{exitInterrupted, nil} // without --duration it is how one ends it
			}
			return err
		},
	}
	c.Register(cmd.Flags())
	return cmd
}
