package record

import (
	"fmt"
	"reflect"
)

// Search is a search for the highest rates that a scenario carries, after
// RFC 9971 (multiple loss ratio search).
type Search struct {
	Kind     Kind              `json:"kind"`
	Scenario string            `json:"scenario"`
	Axes     map[string]string `json:"axes"`
	Started  string            `json:"started"`
	Profile  string            `json:"profile"` // "quick", "default" or "full"
	Goals    []Goal            `json:"goals"`
	Trials   int               `json:"trials"`
	Invalid  int               `json:"invalid"`  // trials that were repeated because they were invalid
	SpentNs  int64             `json:"spent_ns"` // measuring and waiting
	MaxPPS   float64           `json:"max_pps"`  // the highest rate that was tried
	Notes    []string          `json:"notes,omitempty"`
	Shard    int               `json:"shard,omitempty"`
}

func (s Search) check() error   { return sound(reflect.ValueOf(s), "") }
func (s Search) String() string { return fmt.Sprintf("search of %s", s.Scenario) }

func (s Search) seal() any {
	s.Kind = KindSearch
	fillMap(&s.Axes)
	fillSlice(&s.Goals)
	return s
}

// Goal is what a search found for one loss ratio. Rates are in packets/s;
// unknown rates are nil.
type Goal struct {
	Name        string   `json:"name"` // NDRPPS or PDRPPS
	LossRatio   float64  `json:"loss_ratio"`
	Resolved    bool     `json:"resolved"`
	LowerPPS    *float64 `json:"lower_pps,omitempty"`
	UpperPPS    *float64 `json:"upper_pps,omitempty"`
	Conditional *float64 `json:"conditional_pps,omitempty"` // conditional throughput
	Detail      string   `json:"detail,omitempty"`          // why it is not resolved
}
