package verdict

import (
	"slices"

	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/shift"
)

// Options say how two runs are compared.
type Options struct {
	BaseName, NewName string
	// Allow names the fields of AllowFields that may differ, or AllowMissing.
	Allow []string
	// Thresholds replace the thresholds of metrics: by metric, as ParseThreshold
	// returns them.
	Thresholds map[string]float64
	// Seen returns the smallest change of a metric that an A/A run on the host
	// detected, in the unit of thresholds; false where there was no A/A run. A change
	// must exceed it, while equivalence depends on the threshold alone. A value above
	// metric.DetectableLimit is not used. Where Seen is nil, Compare takes the values
	// in the headers of the two runs, and CompareVariants none.
	Seen func(metric string) (float64, bool)
	// Scatter is how far stored runs of one build scatter on this host; the zero Scatter
	// where that is not known. Only Compare uses it.
	Scatter shift.Scatter
	// Strict and Unknown are copied to the Comparison. They do not change verdicts.
	Strict, Unknown bool
}

// held is g with the threshold that o asks for and the detectable change of the host.
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

// Threshold is what a change must exceed: the larger of the metric's threshold and the
// detectable change of the host.
func (o Options) Threshold(g metric.Gate) float64 {
	g = o.held(g)
	return max(g.Threshold, g.Detectable)
}

// GatesFor gives the metrics on which a pair of trials is judged: those of
// Gates, with the thresholds and the detectable changes of o. The bit rate is left out
// where it is the packet rate times a constant: it would be the same test twice. So is
// what does not count the same in a and b.
func GatesFor(clock string, a, b *record.Trial, o Options) []metric.Gate {
	proportional := figure.SameSize(figure.NewArm([]*record.Trial{a}), figure.NewArm([]*record.Trial{b}))
	gates := slices.DeleteFunc(metric.Gates(clock, a), func(g metric.Gate) bool {
		return g.Metric == record.BitPerS && proportional || metric.Apart(g.Metric, a, b) != ""
	})
	for i := range gates {
		gates[i] = o.held(gates[i])
	}
	return gates
}

// setThresholds sets the thresholds of v.
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

// Apart names what prevents the comparison of a pair of trials of tunbench ab:
// differences between the devices of two trials of one scenario, unless o allows them.
// It is nil where nothing does.
func (o Options) Apart(a, b *record.Trial) []string {
	if a.Scenario != b.Scenario {
		return nil
	}
	why, _ := apart(o.Allow, deviceDifferences(&a.Device, &b.Device))
	return why
}
