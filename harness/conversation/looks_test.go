package conversation

import (
	"testing"

	"tunbench/reports/record"
)

// A trial's round trip is the median of the looks that were taken while it was measured: not
// the last one.
func TestLooks(t *testing.T) {
	l := looks{rtts: []uint64{9, 5, 7, 100, 1}, vars: []uint64{3, 1, 2}, cwnds: []uint64{40, 10}}
	var tcp record.TCP
	l.describe(&tcp)
	if tcp.RTTNs != 7 || tcp.RTTVarNs != 2 || tcp.Cwnd != 10 {
		t.Errorf("round trip %d, variation %d, window %d; want 7, 2 and 10", tcp.RTTNs, tcp.RTTVarNs, tcp.Cwnd)
	}
	k := connections{}
	if err := k.lookAtLoad(); err != nil || len(k.looks.rtts) != 0 {
		t.Errorf("looked %d times while nothing was measured: %v", len(k.looks.rtts), err)
	}
	k.on = true
	if err := k.lookAtLoad(); err != nil || len(k.looks.rtts) != 1 {
		t.Errorf("looked %d times in a measured window: %v", len(k.looks.rtts), err)
	}
}
