package reports

import (
	"bytes"
	"encoding/json"
	"fmt"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// JSONName is the name of the file of --format json.
const JSONName = "report.json"

// JSONSchema is the version of what --format json writes. Additions leave it as
// it is; a field that changes or goes away makes it one more.
const JSONSchema = 1

// Kinds of the documents of --format json.
const (
	jsonReportKind     = "report"
	jsonComparisonKind = "comparison"
)

// The documents hold the figures of the report, in base units: packets, bytes,
// nanoseconds, ratios of 1. A figure that nobody knows is left out. What a trial
// holds beyond its figures (windows, histograms, flows, directions, places of a
// path, headers, devices) is in run.jsonl alone.

// jsonReport is the report on one run.
type jsonReport struct {
	jsonHead
	Scenarios []jsonScenario `json:"scenarios"`
}

// jsonHead is what stands before the scenarios.
type jsonHead struct {
	Kind         string              `json:"kind"`
	Schema       int                 `json:"schema"`
	Name         string              `json:"name"`     // where the run was read from
	Finished     bool                `json:"finished"` // false if the run was interrupted
	Run          record.Run          `json:"run"`      // the header, as in run.jsonl
	End          *record.End         `json:"end,omitempty"`
	Resumes      []record.Resume     `json:"resumes"`
	Alerts       []string            `json:"alerts"` // what to know before any figure
	Metrics      map[string]jsonUnit `json:"metrics"`
	ObserverCost *jsonFigure         `json:"observer_cost,omitempty"` // packet rate, observed over bare, over all pairs
	Accounting   jsonLedger          `json:"accounting"`              // of all trials
	Searches     []record.Search     `json:"searches"`
	Skips        []record.Skip       `json:"skips"`
}

// jsonUnit describes a metric.
type jsonUnit struct {
	Unit   string `json:"unit"`
	Better string `json:"better,omitempty"` // "higher", "lower", or neither
}

type jsonScenario struct {
	Scenario string            `json:"scenario"`
	Axes     map[string]string `json:"axes"`
	// Headline is the arm whose figures the report quotes.
	Headline     record.Arm             `json:"headline"`
	Arms         map[record.Arm]jsonArm `json:"arms"`
	ObserverCost *jsonFigure            `json:"observer_cost,omitempty"` // packet rate, observed over bare, over the pairs
	Queues       *jsonQueues            `json:"queues,omitempty"`        // as the observer saw them
	// QueuesReceived is of dir=both: what user space wrote to the same queues.
	QueuesReceived *jsonQueues   `json:"queues_received,omitempty"`
	Flagged        []jsonFlagged `json:"flagged"`
}

// jsonArm is one arm of a scenario. Figures are those of the valid trials or,
// where Invalid is set, of trials none of which is valid.
type jsonArm struct {
	Trials     int                    `json:"trials"`
	Valid      int                    `json:"valid"`
	Invalid    bool                   `json:"invalid"`
	Metrics    map[string]jsonFigure  `json:"metrics"`
	Latency    map[string]jsonLatency `json:"latency"`
	Schedule   *jsonSchedule          `json:"schedule,omitempty"` // open loop only
	Accounting jsonLedger             `json:"accounting"`
	Flags      map[string]int         `json:"flags"` // trials that have the flag
}

// jsonFigure is a metric over trials.
type jsonFigure struct {
	N        int           `json:"n"`
	Median   float64       `json:"median"`
	Min      float64       `json:"min"`
	Max      float64       `json:"max"`
	MAD      float64       `json:"mad"` // median distance to the median
	Interval *jsonInterval `json:"interval,omitempty"`
}

// jsonInterval is the interval of a median, exact by the signed-rank distribution,
// at that level; without a level it is the lowest and the highest value.
type jsonInterval struct {
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Level float64 `json:"level,omitempty"`
}

// jsonLatency is a latency whose histograms were summed over trials. A quantile
// is left out unless ten samples lie above it.
type jsonLatency struct {
	Samples  uint64  `json:"samples"` // those above the histogram included
	Missed   uint64  `json:"missed"`
	Overflow uint64  `json:"overflow"`
	P50Ns    *uint64 `json:"p50_ns,omitempty"`
	P90Ns    *uint64 `json:"p90_ns,omitempty"`
	P99Ns    *uint64 `json:"p99_ns,omitempty"`
	P999Ns   *uint64 `json:"p999_ns,omitempty"`
	MaxNs    uint64  `json:"max_ns"`
}

type jsonSchedule struct {
	RatePPS float64  `json:"rate_pps"` // asked for: median
	Sends   uint64   `json:"sends"`
	Late    uint64   `json:"late"`
	LateNs  int64    `json:"late_ns"`
	P99Ns   *float64 `json:"p99_ns,omitempty"` // sent minus due: median of the trials
	MaxNs   uint64   `json:"max_ns"`
	Trials  int      `json:"trials"`
}

type jsonLedger struct {
	Offered       uint64            `json:"offered"`
	PushedBack    uint64            `json:"pushed_back"`
	Accepted      uint64            `json:"accepted"`
	Delivered     uint64            `json:"delivered"`
	Dropped       uint64            `json:"dropped"`
	Reasons       map[string]uint64 `json:"reasons"`
	Duplicates    uint64            `json:"duplicates"`
	Reordered     uint64            `json:"reordered"`
	Unexplained   int64             `json:"unexplained"`   // sum, with signs
	Unaccounted   uint64            `json:"unaccounted"`   // sum without signs
	OpenTrials    int               `json:"open_trials"`   // that have unexplained packets
	Contradicting int               `json:"contradicting"` // trials that do not add up
}

// jsonQueues is of the packets that were read from the queues or, with
// dir=u2k and in QueuesReceived, received by them.
type jsonQueues struct {
	Counted     string      `json:"counted,omitempty"` // "received"; left out where it is what was read
	Trials      int         `json:"trials"`
	Empty       int         `json:"empty"` // queues without such a packet
	Jain        *float64    `json:"jain,omitempty"`
	Effective   *float64    `json:"effective,omitempty"`
	MaxOverMean *float64    `json:"max_over_mean,omitempty"`
	HashP       *float64    `json:"hash_p,omitempty"`
	Queues      []jsonQueue `json:"queues"`
}

type jsonQueue struct {
	Queue     int     `json:"queue"`
	XmitPkts  uint64  `json:"xmit_pkts"`
	XmitBytes uint64  `json:"xmit_bytes"`
	ReadPkts  uint64  `json:"read_pkts"`
	ReadBytes uint64  `json:"read_bytes"`
	RecvPkts  uint64  `json:"recv_pkts,omitempty"`
	RecvBytes uint64  `json:"recv_bytes,omitempty"`
	DropPkts  uint64  `json:"drop_pkts"`
	FlowsMin  int     `json:"flows_min"`
	FlowsMax  int     `json:"flows_max"`
	Share     float64 `json:"share"` // of the packets read, or of those received
	ShareMin  float64 `json:"share_min"`
	ShareMax  float64 `json:"share_max"`
}

// jsonFlagged is a trial that has flags.
type jsonFlagged struct {
	Arm     record.Arm `json:"arm"`
	Variant string     `json:"variant,omitempty"`
	Pair    int        `json:"pair"`
	Trial   int        `json:"trial"`
	Flags   []string   `json:"flags"`
	Notes   []string   `json:"notes"`
}

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

func unitOf(metric, clock string) jsonUnit {
	k := kindOf(metric, clock)
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

// jsonVerdicts is the report on a comparison.
type jsonVerdicts struct {
	Kind     string           `json:"kind"`
	Schema   int              `json:"schema"`
	Base     jsonSide         `json:"base"`
	New      jsonSide         `json:"new"`
	Paired   bool             `json:"paired"`   // trials were interleaved, and judged in pairs
	Warnings []string         `json:"warnings"` // what to know before any verdict
	Verdicts []record.Verdict `json:"verdicts"`
	Shown    []record.Verdict `json:"shown"` // figures that no test was made for
	Only     []jsonOnly       `json:"only"`  // scenarios that one side alone measured
}

// jsonSide is one of the two that are compared.
type jsonSide struct {
	Name     string     `json:"name"`
	Finished bool       `json:"finished"`
	Warnings []string   `json:"warnings"` // about its file
	Run      record.Run `json:"run"`
}

type jsonOnly struct {
	Scenario string `json:"scenario"`
	Side     string `json:"side"`          // "base" or "new": which has it
	Why      string `json:"why,omitempty"` // what the other says about it
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
