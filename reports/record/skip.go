package record

import (
	"fmt"
	"reflect"
)

// Skip tells why a scenario, or one arm of it, was not measured.
type Skip struct {
	Kind     Kind              `json:"kind"`
	Scenario string            `json:"scenario"`
	Axes     map[string]string `json:"axes"`
	Arm      Arm               `json:"arm,omitempty"` // if only that one was not measured
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
	Missing      = "missing"      // a program, a module or enough CPUs are not there
	Failed       = "failed"       // tunbench failed; the run exits with 2
)
