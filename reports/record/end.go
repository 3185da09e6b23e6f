package record

import "reflect"

// Resume marks the place where an interrupted run was resumed.
type Resume struct {
	Kind    Kind   `json:"kind"`
	Started string `json:"started"` // RFC 3339, UTC
	Trials  int    `json:"trials"`  // that were there
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
