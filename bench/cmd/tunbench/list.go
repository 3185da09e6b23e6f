package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"tunbench/bench/listing"
	"tunbench/bench/plan"
)

func listCommand(a *app) *cobra.Command {
	var (
		sel            selection
		asJSON, asYAML bool
	)
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list the scenarios that run would run",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			plan, err := sel.plan(a.args)
			if err != nil {
				return err
			}
			if plan, err = sel.split(plan); err != nil {
				return err
			}
			if a.rehearsal != nil {
				return nil
			}
			if asYAML {
				// All of them have been checked: a wrong one is named as that.
				if err := leaveOut(cmd, "--yaml writes a suite file, which does not say this", anyOf("hook", "arm", "seed", "cpus", "guest-kernel")); err != nil {
					return err
				}
				return listing.YAML(plan, listing.Output{Stdout: a.stdout})
			}
			return listScenarios(cmd.Context(), a, plan, asJSON)
		},
	}
	sel.register(cmd)
	sel.registerShard(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line: scenario, axes, supported, reason")
	cmd.Flags().BoolVar(&asYAML, "yaml", false, "print a suite file with these scenarios, to start one of your own; nothing is tried on this host")
	cmd.MarkFlagsMutuallyExclusive("json", "yaml")
	return cmd
}

func listScenarios(ctx context.Context, a *app, p plan.Plan, asJSON bool) error {
	probe, err := listing.Prober(p, a.privileges(), func() plan.Lab { return a.lab() })
	if err != nil {
		return err
	}
	err = listing.Print(ctx, p, listing.Output{Stdout: a.stdout, Warn: a.warnf, JSON: asJSON, Every: listSays}, probe)
	if ctx.Err() != nil {
		return exitError{exitInterrupted, errors.New("interrupted")}
	}
	return err
}

// listSays is the time after which list reports its progress. Tests shorten it.
var listSays = 5 * time.Second
