// Package listing prints the scenarios of a plan, and which of them this host cannot measure.
package listing

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"tunbench/bench/plan"
	"tunbench/bench/suite"
	"tunbench/reports/record"
)

// Line is one line of `list --json`.
type Line struct {
	Scenario  string            `json:"scenario"`
	Axes      map[string]string `json:"axes"`
	Supported bool              `json:"supported"`
	Reason    string            `json:"reason"` // "" if supported
}

// Output says how to print, and where.
type Output struct {
	Stdout io.Writer
	Warn   func(format string, args ...any) // progress, and how long the plan takes
	JSON   bool
	Every  time.Duration // after which progress is reported
}

// YAML prints a suite file that makes the scenarios of p, with its pairs, timing and
// limits.
func YAML(p plan.Plan, o Output) error {
	if _, err := o.Stdout.Write((suite.Suite{Name: p.Suite, Pairs: p.Pairs, Scenarios: p.Scenarios}).YAML()); err != nil {
		return fmt.Errorf("print list: %w", err)
	}
	return nil
}

// Prober returns a function that says why a scenario of p cannot be measured here, or "".
// Where privileges are lacking, that is the reason for each of them.
func Prober(p plan.Plan, privileges error, lab func() plan.Lab) (func(context.Context, suite.Scenario) string, error) {
	if privileges != nil {
		reason := record.Unprivileged + ": " + privileges.Error()
		return func(context.Context, suite.Scenario) string { return reason }, nil
	}
	prober, err := plan.NewProber(p, lab())
	if err != nil {
		return nil, err
	}
	return prober.Why, nil
}

// Print prints the scenarios of p. probe says why one cannot be measured here, or "". It
// returns early when ctx ends.
func Print(ctx context.Context, p plan.Plan, o Output, probe func(context.Context, suite.Scenario) string) error {
	enc := json.NewEncoder(o.Stdout)
	enc.SetEscapeHTML(false)
	said := time.Now()
	begun := said
	for i, s := range p.Scenarios {
		if now := time.Now(); i > 0 && now.Sub(said) > o.Every {
			said = now
			left := now.Sub(begun) / time.Duration(i) * time.Duration(len(p.Scenarios)-i)
			o.Warn("looked at %d of %d scenarios, about %v left", i, len(p.Scenarios), left.Round(time.Second))
		}
		reason := probe(ctx, s)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var err error
		switch {
		case o.JSON:
			err = enc.Encode(Line{s.Name, s.Axes, reason == "", reason})
		case reason != "":
			_, err = fmt.Fprintf(o.Stdout, "%s  # %s\n", s.Name, reason)
		default:
			_, err = fmt.Fprintln(o.Stdout, s.Name)
		}
		if err != nil {
			return fmt.Errorf("print list: %w", err)
		}
	}
	if !o.JSON {
		o.Warn("%s, %s each: about %v", record.Plural(len(p.Scenarios), "scenario", "scenarios"), record.Plural(p.Pairs*len(p.Arms), "trial", "trials"), p.Duration().Round(time.Second))
	}
	return nil
}
