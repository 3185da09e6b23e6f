package export

import (
	"tunbench/reports/record"
	"tunbench/reports/requirement"
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
	Kind     string          `json:"kind"`
	Schema   int             `json:"schema"`
	Name     string          `json:"name"`     // where the run was read from
	Finished bool            `json:"finished"` // false if the run was interrupted
	Run      record.Run      `json:"run"`      // the header, as in run.jsonl
	End      *record.End     `json:"end,omitempty"`
	Resumes  []record.Resume `json:"resumes"`
	Alerts   []string        `json:"alerts"` // what to know before any figure
	// Limits are the verdicts on the limits of the suite.
	Limits       []requirement.Result `json:"limits,omitempty"`
	Metrics      map[string]jsonUnit  `json:"metrics"`
	ObserverCost *jsonFigure          `json:"observer_cost,omitempty"` // packet rate, observed over bare, over blocks or all pairs
	// Sharpness is the median half-width of the 95 % intervals, as a share of the figure:
	// of the metrics loopback_ratio and pps, and of "ratios".
	Sharpness  map[string]jsonHalfWidth `json:"sharpness"`
	Ratios     []jsonRatio              `json:"ratios"`
	Accounting jsonLedger               `json:"accounting"` // of all trials
	Searches   []record.Search          `json:"searches"`
	Skips      []record.Skip            `json:"skips"`
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
	ObserverCost *jsonFigure            `json:"observer_cost,omitempty"` // of this scenario alone
	Queues       *jsonQueues            `json:"queues,omitempty"`        // as the observer saw them
	// QueuesReceived is of dir=both: what user space wrote to the same queues.
	QueuesReceived *jsonQueues   `json:"queues_received,omitempty"`
	Flagged        []jsonFlagged `json:"flagged"`
}

// jsonArm is one arm of a scenario. Figures are those of the valid trials: where
// Invalid is set, there are none. Accounting is of all trials, valid or not.
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

// jsonRatios is the name of the ratios in a jsonReport's sharpness.
const jsonRatios = "ratios"

type jsonHalfWidth struct {
	HalfWidth float64 `json:"half_width"`
	Intervals int     `json:"intervals"`
}

// jsonRatio compares a scenario with the first of its group, in the rounds that they
// share: the metric is pps or bit_per_s.
type jsonRatio struct {
	Group    string        `json:"group"`
	Scenario string        `json:"scenario"`
	Base     string        `json:"base"`
	Metric   string        `json:"metric"`
	Ratio    float64       `json:"ratio"`
	Blocks   int           `json:"blocks"`
	Interval *jsonInterval `json:"interval,omitempty"`
}

// jsonFigure is a metric over trials.
type jsonFigure struct {
	N      int     `json:"n"`
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	MAD    float64 `json:"mad"` // median distance to the median
	// Estimate is the Hodges-Lehmann estimate of a ratio over blocks.
	Estimate float64       `json:"estimate,omitempty"`
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
	Verified      uint64            `json:"verified,omitempty"`
	Corrupt       map[string]uint64 `json:"corrupt,omitempty"` // by what was wrong
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
