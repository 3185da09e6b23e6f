package record

import "fmt"

// maxShards bounds what a header may claim: as many shards as a suite may have
// scenarios.
const maxShards = 4096

// Shard says which share of a plan a run measured.
type Shard struct {
	Index     int    `json:"index"` // from 1
	Of        int    `json:"of"`
	Scenarios int    `json:"scenarios"` // of the whole plan
	Plan      string `json:"plan"`      // the same for all shards of one plan, and for no other
}

func (s Shard) String() string { return fmt.Sprintf("shard %d of %d", s.Index, s.Of) }

// Part is a shard inside a merged file: its own header and end, as they were.
type Part struct {
	Run Run  `json:"run"`
	End *End `json:"end,omitempty"` // nil if the shard was interrupted
}
