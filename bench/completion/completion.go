// Package completion completes values of flags for a shell.
package completion

import (
	"strings"

	"github.com/spf13/cobra"

	"tunbench/bench/suite"
	"tunbench/harness/vm/kernel"
	"tunbench/reports/curve"
	"tunbench/reports/metric"
	"tunbench/reports/record"
)

// Suite completes the name of a suite, or of a file.
func Suite(_ *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	return suite.Names(), cobra.ShellCompDirectiveDefault
}

// Axis completes the last `axis=value` of toComplete, which may hold
// several for --filter.
func Axis(_ *cobra.Command, _ []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	before, word := "", toComplete
	if i := strings.LastIndexByte(toComplete, ' '); i >= 0 {
		before, word = toComplete[:i+1], toComplete[i+1:]
	}
	name, _, valued := strings.Cut(word, "=")
	var offers []string
	for _, a := range suite.Axes() {
		switch {
		case !valued:
			offers = append(offers, before+a.Name+"=\t"+a.About)
		case a.Name == name:
			for _, v := range a.Values() {
				offers = append(offers, before+name+"="+v)
			}
		}
	}
	directive := cobra.ShellCompDirectiveNoFileComp
	if !valued {
		directive |= cobra.ShellCompDirectiveNoSpace
	}
	return offers, directive
}

// Variant completes the last `axis=value` of a variant of ab, which may also name a hook.
func Variant(cmd *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	offers, directive := Axis(cmd, args, toComplete)
	before, word := "", toComplete
	if i := strings.LastIndexByte(toComplete, ' '); i >= 0 {
		before, word = toComplete[:i+1], toComplete[i+1:]
	}
	if !strings.Contains(word, "=") {
		return append(offers, before+"hook=\tthe observer of this variant"), directive
	}
	if strings.HasPrefix(word, "hook=") {
		for _, hook := range record.HookNames() {
			offers = append(offers, before+"hook="+hook)
		}
	}
	return offers, directive
}

// Threshold completes the metric of a threshold.
func Threshold(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var offers []string
	for _, m := range metric.ThresholdMetrics() {
		offers = append(offers, m+"=")
	}
	return offers, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// Plot completes the last `key=value` of a plot.
func Plot(_ *cobra.Command, _ []string, toComplete string) (offers []string, _ cobra.ShellCompDirective) {
	before, word := "", toComplete
	if i := strings.LastIndexByte(toComplete, ','); i >= 0 {
		before, word = toComplete[:i+1], toComplete[i+1:]
	}
	key, _, valued := strings.Cut(word, "=")
	if !valued {
		offers = append(offers, before+"x=\tthe axis of numbers", before+"y=\tthe figure", before+"by=\ta line for each value of this axis")
		for _, a := range suite.Axes() {
			offers = append(offers, before+a.Name+"=\tkeep a value of this axis")
		}
		return offers, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
	}
	var values []string
	for _, a := range suite.Axes() {
		switch key {
		case a.Name:
			values = a.Values()
		case "by":
			values = append(values, a.Name)
		}
	}
	switch key {
	case "x":
		values = curve.Axes
	case "y":
		values = metric.Names()
	}
	for _, v := range values {
		offers = append(offers, before+key+"="+v)
	}
	return offers, cobra.ShellCompDirectiveNoFileComp | cobra.ShellCompDirectiveNoSpace
}

// Kernel completes the release of a kernel that was fetched, or a file.
func Kernel(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	return kernel.Cached(""), cobra.ShellCompDirectiveDefault
}
