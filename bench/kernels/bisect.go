package kernels

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/text"
	"tunbench/reports/verdict"
)

// Exit codes of a step for `git bisect run`. It takes any other below 128 for bad, and
// ends the bisection at 128 and above.
const (
	bisectGood = 0
	bisectBad  = 1
	bisectSkip = 125 // neither: the commit cannot be tested

	interrupted = 130
)

// bisectFlag is the flag that asks for these exit codes.
const bisectFlag = "bisect-run"

// Bisect holds the flags that say how a step of a bisection is judged.
type Bisect struct {
	Asked      bool
	metrics    []string // that decide; empty: all of verdict.PacketCosts
	thresholds []string // metric=x%: the smallest rise that is bad
	rises      map[string]float64
}

// flagSet registers flags.
type flagSet interface {
	BoolVar(into *bool, name string, value bool, usage string)
	StringVar(into *string, name string, value string, usage string)
	StringArrayVar(into *[]string, name string, value []string, usage string)
}

// Register registers the flags.
func (b *Bisect) Register(f flagSet) {
	const with = "with --" + bisectFlag + ": "
	f.BoolVar(&b.Asked, bisectFlag, false, "measure in virtual time, without the observer, and exit with what git bisect run expects: 0 good, 1 bad, 125 not judged")
	f.StringArrayVar(&b.metrics, "metric", nil, with+"the cost that decides: "+strings.Join(costs(), " or ")+" (default: both)")
	f.StringArrayVar(&b.thresholds, "threshold", nil, with+"smallest rise of a cost that is bad: metric=x% (may repeat; default 0.5%)")
}

// costs are the metrics by which kernels are compared.
func costs() (names []string) {
	for _, c := range verdict.PacketCosts {
		names = append(names, c.Metric)
	}
	return names
}

// BisectCode is the exit code of the command line args, which ended with code: if they
// ask for a step of a bisection, anything but good and bad is a commit that could not be
// judged. An interruption ends the bisection.
func BisectCode(args []string, code int) int {
	if !asksToBisect(args) || slices.Contains([]int{bisectGood, bisectBad, interrupted}, code) {
		return code
	}
	return bisectSkip
}

// asksToBisect reads the flag as pflag does: flags end at "--", and the last value counts.
// A value that is no boolean ends the command as wrong use, which must not pass for a bad
// commit either.
func asksToBisect(args []string) (asked bool) {
	for _, a := range args {
		if a == "--" {
			break
		}
		name, value, given := strings.Cut(a, "=")
		if name != "--"+bisectFlag {
			continue
		}
		on, err := strconv.ParseBool(value)
		if given && err != nil {
			return true
		}
		asked = !given || on
	}
	return asked
}

// Check returns an error that names a flag with an impossible value, if there is one. So
// many kernels are compared.
func (b *Bisect) Check(kernels int) (err error) {
	if !b.Asked {
		if len(b.metrics)+len(b.thresholds) > 0 {
			return fmt.Errorf("--metric and --threshold are for bisections: add --%s", bisectFlag)
		}
		return nil
	}
	if kernels != 2 {
		return fmt.Errorf("--%s judges one kernel by another: name two, the good one first, not %d", bisectFlag, kernels)
	}
	for _, m := range b.metrics {
		if !slices.Contains(costs(), m) {
			return fmt.Errorf("--metric %s: choose %s", m, strings.Join(costs(), " or "))
		}
	}
	if b.rises, err = metric.ParseThresholds(b.thresholds); err != nil {
		return err
	}
	deciding := slices.DeleteFunc(costs(), func(m string) bool { return !b.decides(m) })
	for m, rise := range b.rises {
		if !slices.Contains(deciding, m) {
			return fmt.Errorf("--threshold %s: it does not decide here: choose %s", m, strings.Join(deciding, " or "))
		}
		if rise < metric.VirtualThreshold {
			return fmt.Errorf("--threshold %s: kernels are compared to %s %%: choose that or more", m, text.Percent(metric.VirtualThreshold))
		}
	}
	return nil
}

func (b *Bisect) decides(m string) bool {
	return len(b.metrics) == 0 || slices.Contains(b.metrics, m)
}

// Judge gives the exit code of a step, and a line that says why: bad if a cost rose by
// more than its threshold, good if none did and each could be judged.
func (b *Bisect) Judge(kernels []verdict.KernelBoots, verdicts []verdict.KernelVerdict) (code int, why string) {
	var worst *verdict.KernelVerdict
	var open []string
	judged := 0
	for i, v := range verdicts {
		if !b.decides(v.Metric) || v.Missing == record.BaseSide {
			continue
		}
		switch kind := v.Verdict.Verdict; {
		case kind == record.IndicativeRegression, kind == record.Regression:
			judged++
			if *v.Change > max(v.Threshold, b.rises[v.Metric]) && (worst == nil || *v.Change > *worst.Change) {
				worst = &verdicts[i]
			}
		case v.Judged() && kind != record.Inconclusive:
			judged++
		default:
			open = append(open, fmt.Sprintf("%s of %s is %s%s", v.Metric, v.Scenario, kind, behind(v.Notes)))
		}
	}
	switch {
	case worst != nil:
		return bisectBad, fmt.Sprintf("bad: %s of %s is %s instead of %s instructions, %s",
			worst.Metric, worst.Scenario, text.PerPacket(*worst.New), text.PerPacket(*worst.Base), metric.ChangeText(worst.Verdict))
	case len(open) > 0:
		return bisectSkip, fmt.Sprintf("not judged: %d of %d costs could not be judged: %s", len(open), len(open)+judged, open[0])
	case judged == 0:
		return bisectSkip, "not judged: no cost was measured on both kernels"
	}
	why = fmt.Sprintf("good: none of %s rose by more than its threshold; if this is the bad end, there is nothing to bisect", text.Plural(judged, "cost", "costs"))
	if oneBuild(kernels) {
		why += "; both kernels are one build, so that only their modules can differ"
	}
	return bisectGood, why
}

// behind gives the first of notes in brackets.
func behind(notes []string) string {
	if len(notes) == 0 {
		return ""
	}
	return " (" + notes[0] + ")"
}

// oneBuild reports whether all boots were of one build of a kernel, as far as its version
// tells.
func oneBuild(kernels []verdict.KernelBoots) bool {
	builds := map[string]bool{}
	for _, k := range kernels {
		for _, boot := range k.Boots {
			for _, f := range boot {
				builds[f.Run.Host.KernelVersion] = true
			}
		}
	}
	return len(builds) == 1 && !builds[""]
}
