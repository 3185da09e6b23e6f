package series

import (
	"cmp"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"tunbench/reports/axis"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// History holds runs over time, as series.
type History struct {
	Name     string // name in reports: the folder
	Runs     []StoredRun
	Problems []string // about files that were left out, a sentence each
	Series   []*Series
	// Mixed has a sentence, by fingerprint, for each host that is several machines, or
	// one machine in several states.
	Mixed map[string]string

	acks map[string]Ack
}

// Check returns the findings that still matter: every regression until the level has
// gone back; and improvements and changes that went back, if they are in the last window
// of runs or, if that is shorter, since the last release before the newest run.
func (h *History) Check() (*Check, error) {
	c := &Check{History: h}
	least := stat.LeastToTell(HistoryAlpha)
	for _, s := range h.Series {
		list, err := findings(s)
		if err != nil {
			return nil, fmt.Errorf("check %s of %s: %w", s.Metric, s.Scenario, err)
		}
		h.acknowledge(list)
		if mixed := h.Mixed[s.Host]; mixed != "" {
			for i := range list {
				list[i].Notes = append(list[i].Notes, mixed)
			}
		}
		news := slices.DeleteFunc(slices.Clone(list), func(f Finding) bool { return !isNews(s, f) })
		c.Findings = append(c.Findings, news...)
		standing := slices.ContainsFunc(list, func(f Finding) bool { return f.Standing })
		if n := len(s.y); n < least && !standing {
			c.Short = append(c.Short, Short{s, n, least - n})
		} else {
			c.Judged++
		}
	}
	weight := map[*Series]float64{}
	for _, f := range c.Findings {
		weight[f.Series] = max(weight[f.Series], f.weight())
	}
	slices.SortStableFunc(c.Findings, func(a, b Finding) int {
		return cmp.Or(strings.Compare(b.Verdict, a.Verdict), cmp.Compare(weight[b.Series], weight[a.Series]))
	})
	c.Incidents = incidents(h, c.Findings)
	return c, nil
}

// Finding returns the finding of h with that ID, even if Check does not include it.
func (h *History) Finding(id string) (Finding, bool, error) {
	for _, s := range h.Series {
		list, err := findings(s)
		if err != nil {
			return Finding{}, false, err
		}
		if i := slices.IndexFunc(list, func(f Finding) bool { return f.ID == id }); i >= 0 {
			return list[i], true, nil
		}
	}
	return Finding{}, false, nil
}

// acknowledge marks the findings that somebody acknowledged. A change since a release is
// acknowledged if all changes that it consists of are.
func (h *History) acknowledge(list []Finding) {
	acked := map[string]Ack{}
	for i := range list {
		if ack, ok := h.acks[list[i].ID]; ok {
			list[i].Acknowledged, acked[list[i].ID] = &ack, ack
		}
	}
	for i := range list {
		f := &list[i]
		if f.Acknowledged != nil || len(f.parts) == 0 {
			continue
		}
		ack := Ack{Reason: "all that it consists of is acknowledged: " + strings.Join(f.parts, ", ")}
		all := true
		for _, id := range f.parts {
			part, ok := acked[id]
			all, ack.Time = all && ok, max(ack.Time, part.Time)
		}
		if all {
			f.Acknowledged = &ack
		}
	}
}

// Options select the series of a history and say how they are judged.
type Options struct {
	Host    string                     // beginning of a fingerprint; "" selects all
	Keep    func(scenario string) bool // nil selects all
	Metrics []string                   // empty selects all
	Arms    []record.Arm               // empty selects all
	// Since hides older points and changes. Changes are computed from all runs
	// nevertheless.
	Since time.Time
	// Thresholds replace the thresholds of metrics, as in verdict.Options.
	Thresholds map[string]float64
	// Acks are the acknowledgements, by the ID of the finding.
	Acks map[string]Ack
}

// Ack acknowledges a finding, which then does not fail a job.
type Ack struct {
	Reason string `json:"reason"`
	Time   string `json:"time"` // RFC 3339
}

// NewHistory sorts runs by time, makes the series that o selects, and finds their
// changes.
func NewHistory(name string, runs []StoredRun, o Options) (*History, error) {
	h := &History{Name: name, acks: o.Acks}
	for _, r := range runs {
		if strings.HasPrefix(r.Host, o.Host) {
			h.Runs = append(h.Runs, r)
		}
	}
	slices.SortStableFunc(h.Runs, func(a, b StoredRun) int {
		return cmp.Or(a.Started().Compare(b.Started()), strings.Compare(a.Run.ID, b.Run.ID))
	})
	type key struct {
		host, scenario, metric, hook, clock string
		arm                                 record.Arm
	}
	by := map[key]*Series{}
	for i := range h.Runs {
		r := &h.Runs[i]
		for _, f := range r.Figures {
			k := key{r.Host, f.Scenario, f.Metric, f.Hook, r.Run.Clock, f.Arm}
			s := by[k]
			if s == nil {
				gate, known := metric.GateOf(r.Run.Clock, f.Metric)
				if !known || o.Keep != nil && !o.Keep(f.Scenario) ||
					len(o.Metrics) > 0 && !slices.Contains(o.Metrics, f.Metric) || len(o.Arms) > 0 && !slices.Contains(o.Arms, f.Arm) {
					continue
				}
				s = &Series{Host: r.Host, Scenario: f.Scenario, Metric: f.Metric, Unit: gate.Unit, Arm: f.Arm, Hook: f.Hook, Clock: r.Run.Clock, Changes: []Change{}, gate: gate}
				by[k] = s
				h.Series = append(h.Series, s)
			}
			s.Points = append(s.Points, NewPoint(r, f))
		}
	}
	slices.SortStableFunc(h.Series, func(a, b *Series) int {
		return cmp.Or(strings.Compare(a.Host, b.Host), strings.Compare(b.Clock, a.Clock), axis.Compare(a.Scenario, b.Scenario),
			strings.Compare(string(a.Arm), string(b.Arm)), strings.Compare(a.Hook, b.Hook), cmp.Compare(metric.GateRank(a.Metric), metric.GateRank(b.Metric)))
	})
	h.Mixed = mixtures(h.Runs)
	// Series are judged in parallel: a change of all series, as with another kernel,
	// takes a while to judge.
	errs := make([]error, len(h.Series))
	var next atomic.Int64
	var workers sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		workers.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(h.Series); i = int(next.Add(1)) - 1 {
				s := h.Series[i]
				if err := s.find(o); err != nil {
					errs[i] = fmt.Errorf("find changes of %s of %s: %w", s.Metric, s.Scenario, err)
				}
				s.since(o.Since)
			}
		})
	}
	workers.Wait()
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	h.Series = slices.DeleteFunc(h.Series, func(s *Series) bool { return len(s.Shown()) == 0 })
	return h, nil
}
