package compare

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"tunbench/harness/spec"
	"tunbench/reports/aa"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// subject is what is compared, while it is measured.
type subject struct {
	index    int
	variants [2]Variant
	specs    [2]spec.Spec
	notes    [2]string // on their loads, for their trials
	rng      *rand.Rand
	gates    []metric.Gate
	proto    *stat.Protocol

	apart      []string // what keeps its sides from being compared, by the first valid pair
	pairs      int      // tried
	disturbed  int      // trials of them
	valid      int
	base, next [][]float64  // of each gate, in the valid pairs
	costs      [2][]float64 // of a packet in each trial, as plan.PacketCost gives it
	limited    int          // valid pairs in which the generator set the rate
	unsteady   int          // valid pairs of which a trial was unsteady
	spoilt     map[string]int
}

// hopeless reports whether so many pairs were invalid that to continue would be to
// select among pairs, not to measure.
func (s *subject) hopeless(wanted int) bool { return s.pairs-s.valid > wanted+s.valid }

// start settles by the first valid pair what s is judged on: those of gates that both
// of its trials have a value for. pairs is how many are made before the first analysis.
func (s *subject) start(gates []metric.Gate, pairs int, trials [2]record.Trial) (err error) {
	s.gates = slices.DeleteFunc(gates, func(g metric.Gate) bool {
		_, inA := metric.Value(&trials[0], g.Metric)
		_, inB := metric.Value(&trials[1], g.Metric)
		return !inA || !inB
	})
	rules := make([]stat.Rule, len(s.gates))
	for i, g := range s.gates {
		rules[i] = g.Rule()
	}
	if s.proto, err = stat.NewProtocol(rules, stat.ProtocolOptions{Pairs: pairs}); err != nil {
		return fmt.Errorf("compare %s: %w", s.variants[0].Name, err)
	}
	if need := s.proto.PairsNeeded(); need > pairs {
		return &TooFewPairsError{s.variants[0].Name, pairs, len(rules), need}
	}
	s.base, s.next = make([][]float64, len(rules)), make([][]float64, len(rules))
	return nil
}

// count adds a valid pair to what s is judged by.
func (s *subject) count(block int, trials [2]record.Trial) error {
	values := [2][]float64{make([]float64, len(s.gates)), make([]float64, len(s.gates))}
	for k := range trials {
		for i, g := range s.gates {
			v, ok := metric.Value(&trials[k], g.Metric)
			if !ok {
				s.spoilt["no "+g.Metric]++
				return nil
			}
			values[k][i] = v
		}
	}
	if err := s.proto.Add(block, values[0], values[1]); err != nil {
		return fmt.Errorf("compare %s: %w", s.variants[0].Name, err)
	}
	for i := range s.gates {
		s.base[i] = append(s.base[i], values[0][i])
		s.next[i] = append(s.next[i], values[1][i])
	}
	s.valid++
	has := func(flag string) bool {
		return slices.Contains(trials[0].Flags, flag) || slices.Contains(trials[1].Flags, flag)
	}
	if has(record.FlagGeneratorLimited) {
		s.limited++
	}
	if has(record.FlagUnsteady) {
		s.unsteady++
	}
	return nil
}

// spoil counts the flags that make trials of a pair invalid.
func (s *subject) spoil(trials [2]record.Trial) {
	for _, t := range trials {
		for _, flag := range t.Flags {
			if record.Invalidates(flag) {
				s.spoilt[flag]++
			}
		}
	}
}

// whySpoilt says which flags made how many trials invalid.
func (s *subject) whySpoilt() string {
	var parts []string
	for _, flag := range slices.Sorted(maps.Keys(s.spoilt)) {
		parts = append(parts, fmt.Sprintf("%s in %s", flag, record.Plural(s.spoilt[flag], "trial", "trials")))
	}
	return strings.Join(parts, ", ")
}

// detectable is what the pairs of equal variants show of the host, for comparisons of
// so many pairs.
func (s *subject) detectable(pairs int) aa.Result {
	found := aa.Result{Scenario: s.variants[0].Name, Pairs: s.valid, Trials: 2 * s.pairs, Disturbed: s.disturbed, Seen: map[string]float64{}}
	for i, g := range s.gates {
		diff := make([]float64, len(s.base[i]))
		for k := range diff {
			diff[k] = s.next[i][k] - s.base[i][k]
			if !g.Absolute {
				diff[k] = math.Log(s.next[i][k] / s.base[i][k])
			}
		}
		// Without ratios, or with too few pairs, nothing is known.
		if d, err := stat.MinimalDetectable(diff, pairs, detectAlpha, detectPower); err == nil {
			found.Seen[g.Metric] = d
			if !g.Absolute {
				found.Seen[g.Metric] = math.Expm1(d)
			}
		}
	}
	return found
}
