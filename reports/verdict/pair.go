package verdict

import (
	"slices"

	"tunbench/reports/record"
)

// HoldsVariants reports whether f is a file of tunbench ab, which alone writes
// verdicts.
func HoldsVariants(f *record.File) bool {
	return len(f.Verdicts) > 0 || slices.ContainsFunc(f.Trials, func(t record.Trial) bool { return t.Variant != "" })
}

func holdsOnly(f *record.File, variant string) bool {
	return len(f.Trials) > 0 && !slices.ContainsFunc(f.Trials, func(t record.Trial) bool { return t.Variant != variant })
}

// CompareVariants judges the two variants of a file of tunbench ab. Verdicts
// that the file holds stand: ab judged while it decided how much to measure,
// and only the whole of that has the error that it promises. Without them, as
// after an interruption, the finished pairs of its first block are judged, and
// since no fresh block confirmed it, a change is indicative.
func CompareVariants(f *record.File, o Options) (*Comparison, error) {
	sides := map[string]*record.File{}
	for _, variant := range []string{"a", "b"} {
		side := *f
		side.Trials = nil
		for _, t := range f.Trials {
			if t.Variant == variant {
				side.Trials = append(side.Trials, t)
			}
		}
		sides[variant] = &side
	}
	a, b := sides["a"], sides["b"]
	c := comparing(a, b, o)
	c.done.Base.Name, c.done.New.Name = variantName("a", a, b), variantName("b", b, a)
	c.done.Paired = true
	if len(f.Verdicts) > 0 {
		c.done.Verdicts = slices.Clone(f.Verdicts)
		for i := range c.done.Verdicts {
			c.done.Verdicts[i].Kind = ""
		}
		c.unfinished(b)
		return c.finish(), nil
	}
	if err := c.pairs(a, b); err != nil {
		return nil, err
	}
	c.done.Warnings = append(c.done.Warnings, "the file has no verdicts of its own: the pairs that were finished are judged, and no fresh block confirms a change")
	return c.finish(), nil
}

// variantName tells a variant from the other: by its scenario where they
// differ, else by its letter; and by the build that measured it, if that was
// another one.
func variantName(letter string, own, other *record.File) string {
	if b, ok := own.Run.Builds[letter]; ok {
		letter += ", " + b.Path + " (" + b.Tool.Version + ", " + b.Tool.Commit + ")"
	}
	if len(own.Trials) == 0 || len(other.Trials) == 0 {
		return letter
	}
	if own.Trials[0].Scenario != other.Trials[0].Scenario {
		return letter + ": " + own.Trials[0].Scenario
	}
	if own.Trials[0].Arm != other.Trials[0].Arm {
		return letter + ": " + string(own.Trials[0].Arm)
	}
	return letter
}

func trialsByScenario(f *record.File) map[string][]record.Trial {
	by := map[string][]record.Trial{}
	for _, t := range f.Trials {
		by[t.Scenario] = append(by[t.Scenario], t)
	}
	return by
}
