package export

import (
	"bytes"
	"encoding/json"
	"fmt"

	"tunbench/reports/document"
	"tunbench/reports/document/run"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/requirement"
	"tunbench/reports/stat"
	"tunbench/reports/verdict"
)

// jsonRuns writes one scenario after the other: of thousands, all at once would
// take several times the memory of what they are made of.
func jsonRuns(runs []record.Named, _ bool) ([]render.Output, error) {
	list, _ := figure.Scenarios(runs[0].File)
	head, err := jsonText(newJSONHead(runs[0], list), "")
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.Write(bytes.TrimSuffix(head, []byte("\n}")))
	b.WriteString(",\n  \"scenarios\": [")
	for i, s := range list {
		text, err := jsonText(newJSONScenario(s), "    ")
		if err != nil {
			return nil, err
		}
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n    ")
		b.Write(text)
	}
	if len(list) > 0 {
		b.WriteString("\n  ")
	}
	b.WriteString("]\n}\n")
	return []render.Output{{Name: JSONName, Content: b.Bytes()}}, nil
}

// jsonText gives v, all lines but the first behind indent.
func jsonText(v any, indent string) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent(indent, "  ")
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("write %s: %w", JSONName, err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func newJSONHead(r record.Named, list []*figure.Scenario) jsonHead {
	d := jsonHead{
		Kind: jsonReportKind, Schema: JSONSchema, Name: r.Name,
		Run: record.Sealed(*r.Run), Finished: r.End != nil,
		Resumes: sealed(r.Resumes), Alerts: []string{},
		Metrics:      map[string]jsonUnit{},
		ObserverCost: pooledCost(list), Accounting: ledgerOf(figure.Account(figure.AllTrials(list))),
		Searches: sealed(figure.SortedSearches(r.File)), Skips: sealed(r.Skips),
		Sharpness: sharpnessOf(list), Ratios: ratiosOf(list), Limits: requirement.Judge(r.File),
	}
	if r.End != nil {
		end := record.Sealed(*r.End)
		d.End = &end
	}
	for _, a := range run.Alerts(r.File) {
		d.Alerts = append(d.Alerts, document.PlainText(a))
	}
	for _, s := range list {
		for _, a := range []figure.Arm{s.Bare, s.Observ} {
			for _, name := range a.Metrics() {
				d.Metrics[name] = unitOf(name, r.Run.Clock)
			}
		}
	}
	return d
}

// sealed gives all of list as they are written, and never nil.
func sealed[R record.Run | record.Trial | record.Search | record.Verdict | record.Skip | record.Resume | record.End](list []R) []R {
	all := make([]R, len(list))
	for i, r := range list {
		all[i] = record.Sealed(r)
	}
	return all
}

func unitOf(name, clock string) jsonUnit {
	k := metric.Of(name, clock)
	u := jsonUnit{Unit: k.Unit}
	switch k.Better {
	case +1:
		u.Better = "higher"
	case -1:
		u.Better = "lower"
	}
	return u
}

func newJSONScenario(s *figure.Scenario) jsonScenario {
	first := s.All()[0]
	j := jsonScenario{
		Scenario: s.Name, Axes: record.Sealed(*first).Axes, Headline: record.Bare,
		Arms: map[record.Arm]jsonArm{}, ObserverCost: costOf(s), Flagged: []jsonFlagged{},
	}
	if len(s.Bare.All) == 0 {
		j.Headline = record.Observed
	}
	for _, kind := range []record.Arm{record.Bare, record.Observed} {
		if a := s.Arm(kind); len(a.All) > 0 {
			j.Arms[kind] = newJSONArm(a)
		}
	}
	for i, sp := range s.Spreads() {
		if i == 0 {
			j.Queues = newJSONQueues(sp)
		} else {
			j.QueuesReceived = newJSONQueues(sp)
		}
	}
	for _, t := range s.All() {
		if len(t.Flags) > 0 {
			j.Flagged = append(j.Flagged, jsonFlagged{t.Arm, t.Variant, t.Pair, t.Trial, t.Flags, append([]string{}, t.Notes...)})
		}
	}
	return j
}

func newJSONArm(a figure.Arm) jsonArm {
	j := jsonArm{
		Trials: len(a.All), Valid: len(a.Used), Invalid: a.Invalid,
		Metrics: map[string]jsonFigure{}, Latency: map[string]jsonLatency{}, Accounting: ledgerOf(figure.Account(a.All)),
	}
	if a.Invalid {
		j.Valid = 0
	}
	for _, name := range a.Metrics() {
		sum, ok := a.Metric(name)
		if !ok {
			continue
		}
		f := jsonFigure{N: sum.N, Median: sum.Median, Min: sum.Min, Max: sum.Max, MAD: sum.MAD}
		if in, ok := a.Interval(name); ok {
			f.Interval = spanOf(in)
		}
		j.Metrics[name] = f
	}
	for _, name := range a.Latencies() {
		if l, ok := a.Pool(name); ok {
			j.Latency[name] = newJSONLatency(l)
		}
	}
	if s, ok := a.Schedule(); ok {
		j.Schedule = &jsonSchedule{s.Rate, s.Sends, s.Late, s.LateNs, s.P99, s.Max, s.Trials}
	}
	_, j.Flags = a.Flags()
	return j
}

// sharpnessOf has the half-widths that are known.
func sharpnessOf(list []*figure.Scenario) map[string]jsonHalfWidth {
	sharp, known := figure.SharpnessOf(list), map[string]jsonHalfWidth{}
	for name, w := range map[string]figure.HalfWidth{record.LoopbackRatio: sharp.Loopback, record.PPS: sharp.Rate, jsonRatios: sharp.Ratios} {
		if w.N > 0 {
			known[name] = jsonHalfWidth{w.Median, w.N}
		}
	}
	return known
}

// ratiosOf compares the scenarios of each group with its first.
func ratiosOf(list []*figure.Scenario) []jsonRatio {
	ratios := []jsonRatio{}
	for _, d := range figure.Differences {
		for _, g := range d.Groups(list) {
			for _, s := range g.Scenarios[1:] {
				if r, ok := d.Ratio(s, g.Base()); ok {
					ratios = append(ratios, jsonRatio{d.Name, s.Name, g.Base().Name, d.Metric(), r.Value, len(r.Each), intervalIn(r)})
				}
			}
		}
	}
	return ratios
}

// intervalIn gives the interval of a ratio; nil where there is one block.
func intervalIn(r figure.Ratio) *jsonInterval {
	if len(r.Each) < 2 {
		return nil
	}
	return spanOf(r.Interval)
}

// costOf is the observer's cost in one scenario.
func costOf(s *figure.Scenario) *jsonFigure {
	r, ok := s.ObserverCost()
	return ratioFigure(r, ok, figureOf)
}

// pooledCost is the observer's cost in all scenarios. Pairs of different scenarios have
// no interval, blocks have.
func pooledCost(list []*figure.Scenario) *jsonFigure {
	r, ok := figure.ObserverCost(list)
	return ratioFigure(r, ok, figureWithout)
}

// ratioFigure is a ratio as a figure: over blocks or, by pairs, over pairs of trials.
func ratioFigure(r figure.Ratio, ok bool, byPairs func([]float64) *jsonFigure) *jsonFigure {
	switch {
	case !ok:
		return nil
	case !r.Rounds:
		return byPairs(r.Each)
	}
	f := figureWithout(r.Each)
	f.Estimate, f.Interval = r.Value, intervalIn(r)
	return f
}

// figureOf summarizes x, with its interval; nil if it is empty.
func figureOf(x []float64) *jsonFigure {
	f := figureWithout(x)
	if in, ok := figure.IntervalOf(x); ok && f != nil {
		f.Interval = spanOf(in)
	}
	return f
}

// figureWithout summarizes x without an interval; nil if it is empty.
func figureWithout(x []float64) *jsonFigure {
	sum, err := stat.Summarize(x)
	if err != nil {
		return nil
	}
	return &jsonFigure{N: sum.N, Median: sum.Median, Min: sum.Min, Max: sum.Max, MAD: sum.MAD}
}

// spanOf gives in as it is written.
func spanOf(in figure.Interval) *jsonInterval {
	j := &jsonInterval{Low: in.Low, High: in.High}
	if in.Exact {
		j.Level = 1 - figure.Alpha
	}
	return j
}

func newJSONLatency(l figure.Latency) jsonLatency {
	j := jsonLatency{Samples: l.Count + l.Overflow, Missed: l.Missed, Overflow: l.Overflow, MaxNs: l.Max}
	for _, q := range metric.Quantiles {
		v, ok := l.Quantile(q.Q)
		if !ok {
			continue
		}
		switch q.Name {
		case "p50":
			j.P50Ns = &v
		case "p90":
			j.P90Ns = &v
		case "p99":
			j.P99Ns = &v
		case "p99.9":
			j.P999Ns = &v
		}
	}
	return j
}

func ledgerOf(l figure.Ledger) jsonLedger {
	return jsonLedger{
		Offered: l.Offered, PushedBack: l.PushedBack, Accepted: l.Accepted, Delivered: l.Delivered,
		Dropped: l.Dropped, Reasons: l.ByReason, Duplicates: l.Duplicates, Reordered: l.Reordered,
		Unexplained: l.Net, Unaccounted: l.Unexplained, OpenTrials: l.Open, Contradicting: l.Contradicting, Verified: l.Verified, Corrupt: l.ByFault,
	}
}

func newJSONQueues(sp figure.Spread) *jsonQueues {
	j := &jsonQueues{Trials: sp.Trials, Empty: sp.Empty, Queues: []jsonQueue{}}
	if sp.End == figure.IntoQueue {
		j.Counted = sp.End.Did()
	}
	if sp.Seen {
		j.Jain, j.Effective, j.MaxOverMean = &sp.Jain, &sp.Even, &sp.Ratio
	}
	if sp.Hashed {
		j.HashP = &sp.Chance
	}
	for _, q := range sp.Queues {
		j.Queues = append(j.Queues, jsonQueue{
			Queue: q.Queue.Queue, XmitPkts: q.XmitPkts, XmitBytes: q.XmitBytes, ReadPkts: q.ReadPkts, ReadBytes: q.ReadBytes,
			RecvPkts: q.RecvPkts, RecvBytes: q.RecvBytes,
			DropPkts: q.DropPkts, FlowsMin: q.FlowsMin, FlowsMax: q.FlowsMax, Share: q.Share, ShareMin: q.Lowest, ShareMax: q.Highest,
		})
	}
	return j
}

func jsonComparison(c *verdict.Comparison, _ bool) ([]render.Output, error) {
	side := func(s verdict.Side) jsonSide {
		return jsonSide{Name: s.Name, Finished: !s.Cut, Warnings: append([]string{}, s.Warnings...), Run: record.Sealed(*s.Run)}
	}
	d := jsonVerdicts{
		Kind: jsonComparisonKind, Schema: JSONSchema, Base: side(c.Base), New: side(c.New), Paired: c.Paired,
		Warnings: append([]string{}, c.Warnings...), Verdicts: sealed(c.Verdicts), Shown: sealed(c.Shown), Only: []jsonOnly{},
	}
	for _, o := range c.Only {
		d.Only = append(d.Only, jsonOnly(o))
	}
	text, err := jsonText(d, "")
	if err != nil {
		return nil, err
	}
	return []render.Output{{Name: JSONName, Content: append(text, '\n')}}, nil
}
