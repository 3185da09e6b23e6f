package watch

import (
	"slices"
	"strings"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/netns"
	"tunbench/reports/live"
	"tunbench/reports/record"
)

func known(n int) *int {
	if n < 0 {
		return nil
	}
	return &n
}

// offloads are the features that TUNSETOFFLOAD sets: what the reader takes.
func offloads(features []string) (list []string) {
	for _, f := range features {
		if strings.HasPrefix(f, "tx-tcp") || strings.HasPrefix(f, "tx-udp") || strings.HasPrefix(f, "tx-checksum") {
			list = append(list, f)
		}
	}
	return list
}

// queueRecord is the record of queue i; calls says that reads were counted.
func queueRecord(i int, q bpf.Queue, calls bool) live.Queue {
	w := live.Queue{Queue: record.Queue{
		Queue: i, XmitPkts: q.XmitPkts, XmitBytes: q.XmitBytes, XmitSKBs: q.XmitSKBs,
		ReadPkts: q.ReadPkts, ReadBytes: q.ReadBytes, ReadSKBs: q.ReadSKBs, DropPkts: q.DropPkts + q.RecvDropPkts,
		RecvPkts: q.RecvPkts, RecvBytes: q.RecvBytes, RecvSKBs: q.RecvSKBs,
	}}
	device.AddTimes(&w.Queue, q)
	if calls {
		w.ReadCalls = &q.ReadCalls
	}
	return w
}

var kinds = [bpf.Kinds]string{bpf.TCP4: "tcp4", bpf.TCP6: "tcp6", bpf.UDP: "udp", bpf.Tunnel: "tunnel", bpf.Other: "other"}

func gsoRecords(s *bpf.Snapshot) (list []live.GSO) {
	for kind, name := range kinds {
		for dir, g := range map[string]bpf.GSO{"k2u": s.XmitGSO[kind], "u2k": s.RecvGSO[kind]} {
			if g.SKBs > 0 {
				list = append(list, live.GSO{Dir: dir, Type: name, SKBs: g.SKBs, Pkts: g.Pkts})
			}
		}
	}
	slices.SortFunc(list, func(a, b live.GSO) int { return strings.Compare(a.Dir+a.Type, b.Dir+b.Type) })
	return list
}

// between is what happened from one look to the next. The device is as it was at the end.
func between(s *Session, from, to look) live.Watch {
	c, b := to.tun.Counters, from.tun.Counters
	d := s.device
	d.Tun = to.tun
	w := live.Watch{
		TNs: to.at.UnixNano(), IntervalNs: to.at.Sub(from.at).Nanoseconds(), Device: d.Record(),
		Counters: live.Counters{
			RxPackets: c.RxPackets - b.RxPackets, RxBytes: c.RxBytes - b.RxBytes, RxErrors: c.RxErrors - b.RxErrors, RxDropped: c.RxDropped - b.RxDropped,
			TxPackets: c.TxPackets - b.TxPackets, TxBytes: c.TxBytes - b.TxBytes, TxErrors: c.TxErrors - b.TxErrors, TxDropped: c.TxDropped - b.TxDropped,
		},
	}
	if to.seen == nil {
		w.Unobserved = s.why
		return w
	}
	seen := to.seen.Since(from.seen)
	w.Hook, w.SampleEvery = s.hook.Used, s.every
	for i, q := range seen.Queues[:shown(seen.Queues, s.device.Tun, to.tun)] {
		w.Queues = append(w.Queues, queueRecord(i, q, bpf.Hook(s.hook.Used).SeesCalls()))
	}
	w.Dropped, w.RecvDropped = seen.Drops, seen.RecvDrops
	w.GSO = gsoRecords(seen)
	if s.options.Flows {
		w.Flows = flowsRecord(from.flows, to.flows)
	}
	if s.options.Returns {
		w.Errors = &live.CallErrors{Read: seen.ReadErrors, Write: seen.WriteErrors}
	}
	w.Latency = map[string]record.Latency{record.Residency: account.Latency(&seen.Residency, seen.Missed)}
	w.Missed = to.missed - from.missed + seen.Strays
	return w
}

// shown is how many queues a record has: those that the device had at either end of the
// interval, and any other that packets passed meanwhile.
func shown(queues []bpf.Queue, before, after netns.Tun) int {
	n := min(len(queues), max(1, before.Queues+before.Detached, after.Queues+after.Detached))
	for i, q := range queues {
		if q.XmitPkts+q.ReadPkts+q.DropPkts+q.RecvPkts+q.RecvDropPkts > 0 {
			n = max(n, i+1)
		}
	}
	return n
}

// reasons is why no hook is used.
func reasons(h record.Hook) string {
	if h.Requested == record.HookNone {
		return "no hook was asked for"
	}
	var list, why []string
	for _, p := range h.PassedOver {
		list = append(list, p.Hook+": "+p.Reason)
		why = append(why, p.Reason)
	}
	if why = slices.Compact(why); len(why) == 1 { // the same for each hook
		return why[0]
	}
	return strings.Join(list, "; ")
}
