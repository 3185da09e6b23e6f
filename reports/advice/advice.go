// Package advice holds what tunbench advise found out: its records, and what the ratios of
// two candidates show.
package advice

import (
	"encoding/json"
	"fmt"
	"io"
	"math"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// FileName is the file of records in the folder of --out.
const FileName = "advice.jsonl"

// Kinds of records.
const (
	KindLack       record.Kind = "lack"
	KindDropped    record.Kind = "dropped"
	KindComparison record.Kind = "comparison"
	KindAdvice     record.Kind = "advice"
)

// Threshold is the smallest change of a rate that counts, as a ratio: below it, the simpler
// of two candidates is recommended. It is that of the verdicts on pps.
const Threshold = 0.03

// Advice is the recommendation for a host.
type Advice struct {
	Kind    record.Kind `json:"kind"`
	Topic   string      `json:"topic"`
	About   string      `json:"about"`
	Started string      `json:"started"`
	Tool    record.Tool `json:"tool"`
	Kernel  string      `json:"kernel"`
	CPU     string      `json:"cpu"`
	CPUs    int         `json:"cpus"`
	// Traffic are the lists of axes under which each candidate was measured.
	Traffic []string `json:"traffic"`
	// PlainName is what Plain is called.
	PlainName string `json:"plain_name"`
	// Use is what is recommended, and Plain the candidate that it is compared with.
	Use   Candidate `json:"use"`
	Plain Candidate `json:"plain"`
	// Verdict is that of the gain: Better, Equal (the plain candidate is recommended) or
	// Inconclusive, for the reason in Why.
	Verdict string `json:"verdict"`
	Why     string `json:"why,omitempty"`
	// Gain compares Use with Plain; nil if they are the same or were not measured together.
	Gain *Comparison `json:"gain,omitempty"`
	// Equal are the candidates that could not be told from Use, within the threshold, and
	// Unclear those for which the interval is wider.
	Equal   []string `json:"equal"`
	Unclear []string `json:"unclear"`

	// Reused says that the blocks from which the ratios are had a part in choosing Use, which
	// was not measured again after them, for the reason in Stopped.
	Reused  bool   `json:"reused,omitempty"`
	Stopped string `json:"stopped,omitempty"`

	Candidates  int            `json:"candidates"` // in the knock-out
	Dropped     int            `json:"dropped"`    // of them
	Alpha       float64        `json:"alpha"`      // of dropping the best
	Blocks      int            `json:"blocks"`     // of the knock-out
	Finals      int            `json:"finals"`     // fresh blocks, from which all ratios are
	Trials      int            `json:"trials"`
	Invalid     int            `json:"invalid"` // trials that were left out
	Failed      int            `json:"failed"`  // trials of candidates of which others did not fail
	Flags       map[string]int `json:"flags"`   // that made them invalid
	Flagged     map[string]int `json:"flagged"` // other trials, which count
	Interrupted bool           `json:"interrupted,omitempty"`
	BudgetNs    int64          `json:"budget_ns"`
	SpentNs     int64          `json:"spent_ns"`

	// Bars are the candidates of the chart, relative to Plain.
	Bars []Bar `json:"bars"`

	Comparisons []Comparison `json:"-"`
	Lacks       []Lack       `json:"-"`
	Knocked     []Dropped    `json:"-"`
}

// Candidate is a way to use a device.
type Candidate struct {
	Words string            `json:"words"`
	Axes  map[string]string `json:"axes"` // under the first traffic
	// PPS and CPU are the medians in the fresh blocks, by traffic: packets a second, and ns
	// of CPU time a packet. 0 where there is none.
	PPS []float64 `json:"pps,omitempty"`
	CPU []float64 `json:"cpu_ns_per_pkt,omitempty"`
}

// Bar is the packet rate of a candidate relative to that of the plain one.
type Bar struct {
	Words string `json:"words"`
	PPS   Ratio  `json:"pps"`
}

// Lack is what this host or its kernel cannot do.
type Lack struct {
	Kind   record.Kind `json:"kind"`
	What   []string    `json:"what"`   // values of choices, or whole candidates
	Reason string      `json:"reason"` // of record.Skip
	Detail string      `json:"detail"`
}

// Dropped is a candidate that lost in the knock-out.
type Dropped struct {
	Kind      record.Kind `json:"kind"`
	Candidate string      `json:"candidate"`
	By        string      `json:"by"`    // the candidate than which it was shown to be worse
	Block     int         `json:"block"` // after which
	Ratio     float64     `json:"ratio"` // of the two, an estimate
}

// Why two candidates are compared.
const (
	Gain   = "gain"   // the recommendation, with the plain candidate
	Step   = "step"   // on the way from the plain candidate to the recommendation
	Aside  = "aside"  // a simpler value than that of a step
	Change = "change" // another value of one choice, with the recommendation
	Rival  = "rival"  // another finalist, with the recommendation
	Frugal = "frugal" // what needs the least CPU time, with the recommendation
)

// Comparison is what one candidate reached relative to another one, in the same blocks.
type Comparison struct {
	Kind   record.Kind `json:"kind"`
	Role   string      `json:"role"`
	Choice string      `json:"choice,omitempty"` // in which they differ
	New    string      `json:"new"`
	Base   string      `json:"base"`
	Label  string      `json:"label"`  // what differs, on the side of New
	Before string      `json:"before"` // the same on the side of Base
	PPS    Ratio       `json:"pps"`
	CPU    Ratio       `json:"cpu_ns_per_pkt"`
	// ByTraffic has the ratios under each traffic; nil if there is only one.
	ByTraffic []OfTraffic `json:"by_traffic,omitempty"`
	Verdict   string      `json:"verdict"`
	AtMost    float64     `json:"at_most,omitempty"` // how large a change can be that is Equal
	AB        []string    `json:"ab"`                // commands that show it at full length
	Simpler   bool        `json:"simpler,omitempty"` // New is simpler than Base
	// WhyNot says why New is not recommended, which is faster than the recommendation Base, or
	// simpler and not slower.
	WhyNot string `json:"why_not,omitempty"`
}

// OfTraffic are ratios under one traffic.
type OfTraffic struct {
	Traffic string `json:"traffic"`
	PPS     Ratio  `json:"pps"`
	CPU     Ratio  `json:"cpu_ns_per_pkt"`
}

// Ratio is an estimate with its 95 % interval, which is nil with fewer than six blocks.
type Ratio struct {
	Value float64     `json:"ratio"`
	CI    *[2]float64 `json:"ci,omitempty"`
	N     int         `json:"n"`
}

// What a comparison shows.
const (
	Better       = "better"
	Worse        = "worse"
	Equal        = "equal"
	Inconclusive = "inconclusive"
)

// Estimate is the ratio that belongs to logarithms of ratios in blocks.
func Estimate(logs []float64) Ratio {
	e, err := stat.SignedRankInterval(logs, 0.05)
	r := Ratio{N: len(logs)}
	if len(logs) == 0 {
		return r
	}
	r.Value = math.Exp(e.Value)
	if err == nil {
		r.CI = &[2]float64{math.Exp(e.Low), math.Exp(e.High)}
	}
	return r
}

// Verdict is what r shows of a rate, of which more is better: Equal if the interval lies
// within the threshold on both sides, and else Better or Worse if it excludes 1.
func (r Ratio) Verdict() string {
	switch {
	case r.CI == nil:
		return Inconclusive
	case r.CI[0] >= 1-Threshold && r.CI[1] <= 1+Threshold:
		return Equal
	case r.CI[0] > 1:
		return Better
	case r.CI[1] < 1:
		return Worse
	}
	return Inconclusive
}

// AtMost is the largest change that the interval allows, as a ratio.
func (r Ratio) AtMost() float64 {
	if r.CI == nil {
		return math.Inf(1)
	}
	return max(math.Abs(r.CI[0]-1), math.Abs(r.CI[1]-1))
}

// Of lists the comparisons of a role.
func (a *Advice) Of(roles ...string) (list []Comparison) {
	for _, c := range a.Comparisons {
		for _, role := range roles {
			if c.Role == role {
				list = append(list, c)
			}
		}
	}
	return list
}

// Write writes the records of a to w, one JSON object a line; the advice is the last one.
func (a *Advice) Write(w io.Writer) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	var records []any
	for _, l := range a.Lacks {
		l.Kind = KindLack
		records = append(records, l)
	}
	for _, d := range a.Knocked {
		d.Kind = KindDropped
		records = append(records, d)
	}
	for _, c := range a.Comparisons {
		c.Kind = KindComparison
		records = append(records, c)
	}
	all := *a
	all.Kind = KindAdvice
	for _, list := range []*[]string{&all.Equal, &all.Unclear} {
		if *list == nil {
			*list = []string{}
		}
	}
	if all.Bars == nil {
		all.Bars = []Bar{}
	}
	for _, counts := range []*map[string]int{&all.Flags, &all.Flagged} {
		if *counts == nil {
			*counts = map[string]int{}
		}
	}
	for _, r := range append(records, all) {
		if err := enc.Encode(r); err != nil {
			return fmt.Errorf("write advice: %w", err)
		}
	}
	return nil
}
