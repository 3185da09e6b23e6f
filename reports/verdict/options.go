package verdict

import (
	"slices"

	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
)

// Options say how two runs are compared.
type Options struct {
	BaseName, NewName string
	// Allow names the fields of AllowFields that may differ, or AllowMissing.
	Allow []string
	// Thresholds replace those of the metrics: by metric, as ParseThreshold
	// gives them.
	Thresholds map[string]float64
	// Seen is the smallest change of a metric that an A/A run on the host
	// could see, in the unit of thresholds; false where there was none. A change
	// must be beyond it, while equivalence goes by the threshold alone. What is
	// above SightLimit is not used. Where Seen is nil, Compare takes what
	// the headers of the two runs say, and CompareVariants nothing.
	Seen func(metric string) (float64, bool)
	// Strict becomes that of the Comparison; verdicts are the same.
	Strict bool
}

// held is g with the threshold that o asks for and what the host can see.
func (o Options) held(g metric.Gate) metric.Gate {
	if o.Seen != nil {
		if seen, ok := o.Seen(g.Metric); ok && metric.UsableDetectable(g.Metric, seen) {
			g.Detectable = seen
		}
	}
	if own, ok := o.Thresholds[g.Metric]; ok {
		g.Threshold = own
	}
	return g
}

// Threshold is what a change must be beyond: what counts, and what this host can
// see.
func (o Options) Threshold(g metric.Gate) float64 {
	g = o.held(g)
	return max(g.Threshold, g.Detectable)
}

// GatesFor gives the metrics on which a pair of trials is judged: those of
// Gates, with the thresholds and the sight of the host that o asks for. The bit rate
// is left out where it is the packet rate times one constant, so that a test of
// both would be one test twice.
func GatesFor(clock string, a, b *record.Trial, o Options) []metric.Gate {
	proportional := figure.SameSize(figure.NewArm([]*record.Trial{a}), figure.NewArm([]*record.Trial{b}))
	gates := slices.DeleteFunc(metric.Gates(clock, a), func(g metric.Gate) bool {
		return g.Metric == record.BitPerS && proportional
	})
	for i := range gates {
		gates[i] = o.held(gates[i])
	}
	return gates
}

// setThresholds tells in v by what it is judged.
func setThresholds(v *record.Verdict, own, effective float64) {
	v.Threshold, v.OwnThreshold = effective, nil
	if own < effective {
		v.OwnThreshold = &own
	}
}

// ownThreshold is the threshold that the interval of an equivalent verdict lies within.
func ownThreshold(v record.Verdict) float64 {
	if v.OwnThreshold != nil {
		return *v.OwnThreshold
	}
	return v.Threshold
}

// Apart names what keeps a pair of trials of tunbench ab from being compared: a device
// that came out different although both are of one scenario. It is nil where nothing
// does, or o allows it.
func (o Options) Apart(a, b *record.Trial) []string {
	if a.Scenario != b.Scenario {
		return nil
	}
	why, _ := apart(o.Allow, deviceDifferences(&a.Device, &b.Device))
	return why
}
