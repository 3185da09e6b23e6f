package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tunbench/bench/plan"
	"tunbench/bench/suite"
	"tunbench/reports/record"
)

// listed is one line of `list --json`.
type listed struct {
	Scenario  string            `json:"scenario"`
	Axes      map[string]string `json:"axes"`
	Supported bool              `json:"supported"`
	Reason    string            `json:"reason"` // "" if supported
}

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
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	said := time.Now()
	begun := said
	for i, s := range p.Scenarios {
		if now := time.Now(); i > 0 && now.Sub(said) > listSays {
			said = now
			left := now.Sub(begun) / time.Duration(i) * time.Duration(len(p.Scenarios)-i)
			a.warnf("looked at %d of %d scenarios, about %v left", i, len(p.Scenarios), left.Round(time.Second))
		}
		reason := probe(ctx, s)
		if ctx.Err() != nil {
			return exitError{exitInterrupted, errors.New("interrupted")}
		}
		switch {
		case asJSON:
			err = enc.Encode(listed{s.Name, s.Axes, reason == "", reason})
		case reason != "":
			_, err = fmt.Fprintf(a.stdout, "%s  # %s\n", s.Name, reason)
		default:
			_, err = fmt.Fprintln(a.stdout, s.Name)
		}
		if err != nil {
			return fmt.Errorf("print list: %w", err)
		}
	}
	if !asJSON {
		a.warnf("%s, %s each: about %v", record.Plural(len(p.Scenarios), "scenario", "scenarios"), record.Plural(p.Pairs*len(p.Arms), "trial", "trials"), p.Duration().Round(time.Second))
	}
	return nil
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
