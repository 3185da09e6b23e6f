package main

import (
	"strings"

	"github.com/spf13/cobra"

	"tunbench/bench/advise"
)

func adviseCommand(a *app) *cobra.Command {
	c := advise.Command{Stdout: a.stdout, Stderr: a.stderr}
	cmd := &cobra.Command{
		Use:       "advise " + strings.Join(advise.Topics, "|"),
		Short:     "measure the choices of a program with a TUN/TAP device, and recommend some",
		Args:      cobra.MaximumNArgs(1),
		ValidArgs: advise.Topics,
		RunE: func(cmd *cobra.Command, args []string) error {
			if c.YAML {
				if err := leaveOut(cmd, "--yaml measures nothing", except("yaml", "candidates")); err != nil {
					return err
				}
			}
			c.Quiet, c.Verbose, c.Args, c.Tool, c.Hold = a.quiet, a.verbose, a.args, tool(), a.hold
			if err := c.Prepare(args, cmd.Flags().Changed("seed")); err != nil || a.rehearsal != nil {
				return err
			}
			if !c.YAML {
				if err := a.privileges(); err != nil {
					return err
				}
			}
			code, err := c.Run(cmd.Context(), advise.Labs{Lab: a.lab(), Blocks: a.blocks()}, a.host)
			if code == 0 && err == nil {
				return nil
			}
			return exitError{code, err}
		},
	}
	c.Register(cmd.Flags())
	_ = cmd.MarkFlagDirname("out")
	return cmd
}
