package plan

import (
	"time"

	"tunbench/reports/record"
)

// Step is the progress of a run. At most one of Trial, Skip, Search and Verdicts is
// set; with none of them, a trial or a round is about to begin. There is no step while a
// window is measured.
type Step struct {
	Scenario  string
	Index     int // of the scenario, from 1
	Scenarios int
	Pair      int // that is at hand, from 1
	Pairs     int
	Arm       record.Arm       // that is about to be measured; "" where it is not known, or both are
	Left      time.Duration    // to the end of the run, estimated
	Trial     *record.Trial    // was finished and written
	Base      *record.Trial    // of variant A, where Trial is of B
	Last      bool             // no trial of the scenario is left, but for those of a search
	Skip      *record.Skip     // was decided and written
	Search    *record.Search   // was finished and written
	Verdicts  []record.Verdict // on the scenario, were written
	Rate      float64          // in packets/s, of the trial of a search that is about to begin
	// Together is how many trials are measured by turns: the scenario is the first of
	// them. Round is that of the block, from 1; 0 while the devices are built.
	Together, Round, Rounds int

	// Profile is the trial of the scenario's profile that is about to begin, from 1.
	Profile, Profiles int

	passed time.Duration // of the planned time of the block at hand
}
