package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"tunbench/bench/listing"
	"tunbench/bench/plan"
	"tunbench/bench/suite"
	"tunbench/reports/record"
)

func listCommand(a *app) *cobra.Command {
	var (
		sel    selection
		asJSON bool
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
			return listScenarios(cmd.Context(), a, plan, asJSON)
		},
	}
	sel.register(cmd)
	sel.registerShard(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line: scenario, axes, supported, reason")
	return cmd
}

func listScenarios(ctx context.Context, a *app, p plan.Plan, asJSON bool) error {
	probe, err := newProber(a, p)
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

// newProber returns a function that says why a scenario cannot run here, or "".
func newProber(a *app, p plan.Plan) (func(context.Context, suite.Scenario) string, error) {
	if err := a.privileges(); err != nil {
		reason := record.Unprivileged + ": " + err.Error()
		return func(context.Context, suite.Scenario) string { return reason }, nil
	}
	prober, err := plan.NewProber(p, a.lab())
	if err != nil {
		return nil, err
	}
	return prober.Why, nil
}
