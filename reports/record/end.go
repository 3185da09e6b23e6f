package record

import (
	"fmt"
	"reflect"
)

// Resume marks the place where an interrupted run was resumed.
type Resume struct {
	Kind    Kind   `json:"kind"`
	Started string `json:"started"` // RFC 3339, UTC
	Trials  int    `json:"trials"`  // that the file held
	Skips   int    `json:"skips"`
	Shard   int    `json:"shard,omitempty"`
}

func (r Resume) check() error   { return sound(reflect.ValueOf(r), "") }
func (r Resume) String() string { return "resume" }

func (r Resume) seal() any {
	r.Kind = KindResume
	return r
}

// End closes a file. A file without it was interrupted.
type End struct {
	Kind      Kind   `json:"kind"`
	Ended     string `json:"ended"`
	Scenarios int    `json:"scenarios"`
	Trials    int    `json:"trials"`
	Skips     int    `json:"skips"`
	Exit      int    `json:"exit"`
}

func (e End) check() error   { return sound(reflect.ValueOf(e), "") }
func (e End) String() string { return "end" }

func (e End) seal() any {
	e.Kind = KindEnd
	return e
}

// Skip says why a scenario, or one arm of it, was not measured.
type Skip struct {
	Kind     Kind              `json:"kind"`
	Scenario string            `json:"scenario"`
	Axes     map[string]string `json:"axes"`
	Arm      Arm               `json:"arm,omitempty"` // if only that arm was not measured
	Reason   string            `json:"reason"`
	Detail   string            `json:"detail"`
	Shard    int               `json:"shard,omitempty"`
}

func (s Skip) check() error   { return sound(reflect.ValueOf(s), "") }
func (s Skip) String() string { return fmt.Sprintf("skip of %s", s.Scenario) }

func (s Skip) seal() any {
	s.Kind = KindSkip
	fillMap(&s.Axes)
	return s
}

// Reasons of a Skip.
const (
	Unsupported  = "unsupported"  // the kernel refused; Detail names the call and the errno
	Unprivileged = "unprivileged" // the caller lacks a capability
	Missing      = "missing"      // there is no such program or module, or too few CPUs
	Failed       = "failed"       // tunbench failed; the run exits with 2
)
