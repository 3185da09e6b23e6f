package metric

import (
	"tunbench/reports/record"
)

// LatencyNames are the names of all latencies of trials.
var LatencyNames = []string{record.E2E, record.Service, record.RTT, record.RTTIdle, record.RTTLoad, record.Residency}

// Names of the quantiles that verdicts are given on. They are quantiles of the
// end-to-end latency, in nanoseconds.
const (
	LatencyP50 = "p50"
	LatencyP99 = "p99"
)

// Quantiles are the quantiles of a latency that reports show.
var Quantiles = []struct {
	Name string
	Q    float64
}{{"p50", 0.50}, {"p90", 0.90}, {"p99", 0.99}, {"p99.9", 0.999}}

// LatencyQuantiles are the quantiles of a latency that records hold.
var LatencyQuantiles = []struct {
	Percentile string
	Of         func(record.Latency) *uint64
}{
	{"50", func(l record.Latency) *uint64 { return l.P50Ns }},
	{"90", func(l record.Latency) *uint64 { return l.P90Ns }},
	{"99", func(l record.Latency) *uint64 { return l.P99Ns }},
	{"99.9", func(l record.Latency) *uint64 { return l.P999Ns }},
}

// LatencyKinds are the latencies that reports explain.
var LatencyKinds = []struct{ Name, Title string }{{record.E2E, "End to end"}, {record.Residency, "Residency"}}
