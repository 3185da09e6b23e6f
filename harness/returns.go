package harness

import (
	"fmt"

	"tunbench/bpf"
	"tunbench/harness/netns"
	"tunbench/reports/record"
)

// addReturns fills in what an observer saw returned to readers and to writers:
// all of it, or nothing and why.
func addReturns(own *record.Observer, hook bpf.Hook, side bpf.Side, s *bpf.Snapshot) {
	if len(s.Lost) > 0 && !s.Torn { // a call during which it was detached is not lost
		own.LostReturns = s.Lost
	}
	var sum bpf.Queue
	for _, q := range s.Queues {
		sum.ReadCalls += q.ReadCalls
		sum.ReadRetBytes += q.ReadRetBytes
		sum.WriteCalls += q.WriteCalls
		sum.WriteRetBytes += q.WriteRetBytes
	}
	if side != bpf.U2K {
		if own.NoReads = unseenReturns(hook, s, bpf.FuncRead, sum.ReadCalls); own.NoReads == "" {
			own.ReadCalls, own.ReadBytes, own.ReadErrors = &sum.ReadCalls, &sum.ReadRetBytes, s.ReadErrors
		}
	}
	if side != bpf.K2U {
		if own.NoWrites = unseenReturns(hook, s, bpf.FuncWrite, sum.WriteCalls); own.NoWrites == "" {
			own.WriteCalls, own.WriteBytes, own.WriteErrors = &sum.WriteCalls, &sum.WriteRetBytes, s.WriteErrors
		}
	}
}

// unseenReturns says why what a function returned is not known; "" if it is.
func unseenReturns(hook bpf.Hook, s *bpf.Snapshot, function string, seen uint64) string {
	switch {
	case !hook.SeesReturns():
		return fmt.Sprintf("the %s hook does not see returns", hook)
	case s.Torn:
		return "the observer was detached while the other side of the pair was measured: it does not see the returns of calls that waited meanwhile"
	case s.Lost[function] > 0:
		return fmt.Sprintf("%d of %d calls of %s were not seen to return", s.Lost[function], s.Lost[function]+seen, function)
	}
	return ""
}

// unrefused says how what an observer saw tun_net_xmit refuse differs from what
// the device dropped; "" if it need not. An xmit that it did not see return may
// have been refused or not.
func unrefused(hook bpf.Hook, s *bpf.Snapshot, name string, device netns.Counters) string {
	if !hook.SeesReturns() || device.TxDropped >= s.Refused && device.TxDropped <= s.Refused+s.Lost[bpf.FuncXmit] {
		return ""
	}
	return fmt.Sprintf("%s dropped %d, the observer saw xmit refuse %d", name, device.TxDropped, s.Refused)
}
