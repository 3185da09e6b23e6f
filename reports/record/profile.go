package record

import (
	"fmt"
	"reflect"
)

// Profile is where a scenario spends its time: the stacks that were sampled in trials of
// their own, block by block. It takes no part in the figures of trials.
type Profile struct {
	Kind     Kind              `json:"kind"`
	Scenario string            `json:"scenario"`
	Axes     map[string]string `json:"axes"`
	Hook     string            `json:"hook"` // of the observer that was attached, or HookNone
	// Variant is "a" or "b" in a file of tunbench ab, and Subject the number of the pair
	// of variants, from 1.
	Variant string `json:"variant,omitempty"`
	Subject int    `json:"subject,omitempty"`
	Shard   int    `json:"shard,omitempty"`
	// Unit is that of all costs: ProfileNs, or ProfileInstructions in virtual time. Costs
	// are per delivered packet.
	Unit     string `json:"unit"`
	Event    string `json:"event"`          // cpu-clock, or cycles
	PeriodNs int64  `json:"period_ns"`      // between two samples of a CPU
	File     string `json:"file,omitempty"` // in the folder of the run
	// Reason and Detail are those of a Skip, if there is no profile.
	Reason string `json:"reason,omitempty"`
	Detail string `json:"detail,omitempty"`

	Blocks    []ProfileBlock    `json:"blocks"`
	Functions []ProfileFunction `json:"functions"`
	Root      ProfileNode       `json:"root"`
}

// Units of a Profile.
const (
	ProfileNs           = "ns"
	ProfileInstructions = "instructions"
)

// ProfileBlock is one trial whose stacks were sampled.
type ProfileBlock struct {
	Pkts uint64  `json:"pkts"`
	Cost float64 `json:"cost"` // per packet
	// Sampled are the samples that count, and Softirq those of them in which a softirq had
	// interrupted another task, or an idle CPU, on the CPUs of the trial.
	Sampled uint64 `json:"sampled"`
	Softirq uint64 `json:"softirq"`
	Idle    uint64 `json:"idle"`    // the CPU had nothing to do
	Foreign uint64 `json:"foreign"` // another task ran
	Lost    uint64 `json:"lost"`    // for lack of room
}

// ProfileFunction is what a function costs itself, without what it calls.
type ProfileFunction struct {
	Name string    `json:"name"`
	Of   string    `json:"of,omitempty"` // module of the kernel, vmlinux, bpf, or file of a program
	Self []float64 `json:"self"`         // of each block
}

// ProfileNode is a function and what it calls, summed over the blocks. Functions that cost
// next to nothing are part of their caller.
type ProfileNode struct {
	Name  string        `json:"name"`
	Self  float64       `json:"self"`
	Calls []ProfileNode `json:"calls,omitempty"`
}

func (p Profile) check() error   { return sound(reflect.ValueOf(p), "") }
func (p Profile) String() string { return fmt.Sprintf("profile of %s", p.Scenario) }

func (p Profile) seal() any {
	p.Kind = KindProfile
	fillMap(&p.Axes)
	fillSlice(&p.Blocks)
	fillSlice(&p.Functions)
	return p
}
