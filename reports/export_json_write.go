package reports

import (
	"bytes"
	"encoding/json"
	"fmt"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// jsonRuns writes one scenario after the other: of thousands, all at once would
// take several times the memory of what they are made of.
func jsonRuns(runs []NamedRun, _ bool) ([]Output, error) {
	list, _ := scenarios(runs[0].File)
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
	return []Output{{JSONName, b.Bytes()}}, nil
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

func newJSONHead(r NamedRun, list []*scenario) jsonHead {
	d := jsonHead{
		Kind: jsonReportKind, Schema: JSONSchema, Name: r.Name,
		Run: record.Sealed(*r.Run), Finished: r.End != nil,
		Resumes: sealed(r.Resumes), Alerts: []string{},
		Metrics:      map[string]jsonUnit{},
		ObserverCost: figureWithout(allCosts(list)), Accounting: ledgerOf(account(allTrials(list))),
		Searches: sealed(sortedSearches(r.File)), Skips: sealed(r.Skips),
	}
	if r.End != nil {
		end := record.Sealed(*r.End)
		d.End = &end
	}
	for _, a := range alerts(r.File) {
		d.Alerts = append(d.Alerts, plainText(a))
	}
	for _, s := range list {
		for _, a := range []arm{s.bare, s.observ} {
			for _, name := range a.metrics() {
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
	k := kindOf(name, clock)
	u := jsonUnit{Unit: k.unit}
	if k.unit == "ns" && clock == virtualClock {
		u.Unit = instructions
	}
	switch k.better {
	case +1:
		u.Better = "higher"
	case -1:
		u.Better = "lower"
	}
	return u
}

func newJSONScenario(s *scenario) jsonScenario {
	first := s.all()[0]
	j := jsonScenario{
		Scenario: s.name, Axes: record.Sealed(*first).Axes, Headline: record.Bare,
		Arms: map[record.Arm]jsonArm{}, ObserverCost: figureOf(s.costs()), Flagged: []jsonFlagged{},
	}
	if len(s.bare.all) == 0 {
		j.Headline = record.Observed
	}
	for _, kind := range []record.Arm{record.Bare, record.Observed} {
		if a := s.arm(kind); len(a.all) > 0 {
			j.Arms[kind] = newJSONArm(a)
		}
	}
	for i, sp := range s.spreads() {
		if i == 0 {
			j.Queues = newJSONQueues(sp)
		} else {
			j.QueuesReceived = newJSONQueues(sp)
		}
	}
	for _, t := range s.all() {
		if len(t.Flags) > 0 {
			j.Flagged = append(j.Flagged, jsonFlagged{t.Arm, t.Variant, t.Pair, t.Trial, t.Flags, append([]string{}, t.Notes...)})
		}
	}
	return j
}

func newJSONArm(a arm) jsonArm {
	j := jsonArm{
		Trials: len(a.all), Valid: len(a.used), Invalid: a.invalid,
		Metrics: map[string]jsonFigure{}, Latency: map[string]jsonLatency{}, Accounting: ledgerOf(account(a.all)),
	}
	if a.invalid {
		j.Valid = 0
	}
	for _, name := range a.metrics() {
		sum, ok := a.metric(name)
		if !ok {
			continue
		}
		f := jsonFigure{N: sum.N, Median: sum.Median, Min: sum.Min, Max: sum.Max, MAD: sum.MAD}
		if in, ok := a.interval(name); ok {
			f.Interval = spanOf(in)
		}
		j.Metrics[name] = f
	}
	for _, name := range a.latencies() {
		if l, ok := a.pool(name); ok {
			j.Latency[name] = newJSONLatency(l)
		}
	}
	if s, ok := a.schedule(); ok {
		j.Schedule = &jsonSchedule{s.rate, s.sends, s.late, s.lateNs, s.p99, s.max, s.trials}
	}
	_, j.Flags = a.flags()
	return j
}

// figureOf summarizes x, with its interval; nil if it is empty.
func figureOf(x []float64) *jsonFigure {
	f := figureWithout(x)
	if in, ok := intervalOf(x); ok && f != nil {
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
func spanOf(in interval) *jsonInterval {
	j := &jsonInterval{Low: in.low, High: in.high}
	if in.exact {
		j.Level = 1 - alpha
	}
	return j
}

func newJSONLatency(l latency) jsonLatency {
	j := jsonLatency{Samples: l.count + l.overflow, Missed: l.missed, Overflow: l.overflow, MaxNs: l.max}
	for _, q := range quantiles {
		v, ok := l.quantile(q.q)
		if !ok {
			continue
		}
		switch q.name {
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

func ledgerOf(l ledger) jsonLedger {
	return jsonLedger{
		Offered: l.offered, PushedBack: l.pushedBack, Accepted: l.accepted, Delivered: l.delivered,
		Dropped: l.dropped, Reasons: l.byReason, Duplicates: l.duplicates, Reordered: l.reordered,
		Unexplained: l.net, Unaccounted: l.unexplained, OpenTrials: l.open, Contradicting: l.contradicting,
	}
}

func newJSONQueues(sp spread) *jsonQueues {
	j := &jsonQueues{Trials: sp.trials, Empty: sp.empty, Queues: []jsonQueue{}}
	if sp.side == writtenSide {
		j.Counted = sp.side.did()
	}
	if sp.seen {
		j.Jain, j.Effective, j.MaxOverMean = &sp.jain, &sp.even, &sp.ratio
	}
	if sp.hashed {
		j.HashP = &sp.chance
	}
	for _, q := range sp.queues {
		j.Queues = append(j.Queues, jsonQueue{
			Queue: q.Queue.Queue, XmitPkts: q.XmitPkts, XmitBytes: q.XmitBytes, ReadPkts: q.ReadPkts, ReadBytes: q.ReadBytes,
			RecvPkts: q.RecvPkts, RecvBytes: q.RecvBytes,
			DropPkts: q.DropPkts, FlowsMin: q.flowsMin, FlowsMax: q.flowsMax, Share: q.share, ShareMin: q.lowest, ShareMax: q.highest,
		})
	}
	return j
}

func jsonComparison(c *Comparison, _ bool) ([]Output, error) {
	side := func(s Side) jsonSide {
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
	return []Output{{JSONName, append(text, '\n')}}, nil
}
