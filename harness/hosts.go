package harness

import (
	"tunbench/harness/sink"
	"tunbench/harness/traffic"
	"tunbench/reports/record"
)

// hosts is the ground of stamped packets between two hosts: UDP sockets in one
// send, sockets in the other one receive, over whatever wire.
type hosts struct {
	wire
	spec      Spec
	placement record.Placement
	pairs     []*lane
}

func newHosts(s Spec, w wire, p record.Placement) *hosts {
	return &hosts{wire: w, spec: s, placement: p}
}

func (g *hosts) lanes(sending *traffic.Control, reading *sink.Control) ([]*lane, error) {
	return nil, notBuilt(g.spec)
}
