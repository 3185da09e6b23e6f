package hypervisor

import (
	"fmt"
	"maps"
	"strings"

	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/netns"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/vm/peer"
	"tunbench/reports/record"
)

// inGuest begins the reason of what was dropped in the guest.
const inGuest = "guest "

// since is what was counted between two looks.
func since(now, before *peer.Counters) peer.Counters {
	c := *now
	l, b := &c.Link, before.Link
	l.RxPackets -= b.RxPackets
	l.RxBytes -= b.RxBytes
	l.RxErrors -= b.RxErrors
	l.RxDropped -= b.RxDropped
	l.TxPackets -= b.TxPackets
	l.TxBytes -= b.TxBytes
	l.TxErrors -= b.TxErrors
	l.TxDropped -= b.TxDropped
	c.Stack.Received -= before.Stack.Received
	c.Stack.Datagrams -= before.Stack.Datagrams
	c.Stack.Lost = map[string]uint64{}
	for reason, n := range now.Stack.Lost {
		if n -= before.Stack.Lost[reason]; n > 0 {
			c.Stack.Lost[reason] = n
		}
	}
	c.Qdisc -= before.Qdisc
	return c
}

// queuesSince is the same for the queues, of which a driver may have had none before.
func queuesSince(now, before []netns.QueueCounters) []netns.QueueCounters {
	list := append([]netns.QueueCounters(nil), now...)
	for i := range min(len(list), len(before)) {
		list[i].RxPackets -= before[i].RxPackets
		list[i].RxDrops -= before[i].RxDrops
		list[i].TxPackets -= before[i].TxPackets
		list[i].TxDrops -= before[i].TxDrops
	}
	return list
}

// ledger computes the record of a trial from what host and guest have counted.
type ledger struct{ *Guest }

// Account fills in the device and the queues.
func (l ledger) Account(t *record.Trial) {
	w := &l.site
	t.Device, t.Observer = w.device.Record(), w.own
	t.Queues = w.queues()
	g := l.guest
	t.Guest = &g
	t.Notes = append(t.Notes, l.notes...)
	if len(w.tables) > 0 {
		t.Notes = append(t.Notes, fmt.Sprintf("bridge: br_netfilter is in this kernel, and packets cross its tables (%s=1)", strings.Join(w.tables, "=1, ")))
	}
}

// Mismatch has nothing to say that disagree does not say.
func (l ledger) Mismatch(*record.Trial) string { return "" }

// dropped is what was lost in one direction, by reason.
func (l ledger) dropped(dir spec.Dir) map[string]uint64 {
	in := since(l.last.Counters, l.before.Counters)
	if dir == spec.K2U {
		drops := l.site.toGuest()
		if n := in.Link.RxDropped; n > 0 {
			drops[inGuest+"rx_dropped"] = n
		}
		for reason, n := range in.Stack.Lost {
			drops[inGuest+reason] = n
		}
		return drops
	}
	drops := l.site.fromGuest()
	for reason, n := range map[string]uint64{record.QdiscDrop: in.Qdisc, record.TxDropped: in.Link.TxDropped} {
		if n > 0 {
			drops[inGuest+reason] = n
		}
	}
	if n := l.site.counters.RxDropped; n > 0 {
		drops["rx_dropped"] = n
	}
	return drops
}

// accounts are those of one direction.
func (l ledger) accounts(dir spec.Dir) record.Accounting {
	sent, _ := l.ends.progress()
	got := *l.last.Received
	if dir == spec.U2K {
		sent, got = did{accepted: l.last.Accepted, pushedBack: l.last.PushedBack}, l.ends.received
	}
	a := record.Accounting{
		Accepted: sent.accepted, PushedBack: sent.pushedBack, Offered: sent.accepted + sent.pushedBack,
		Delivered: got.Delivered, Duplicates: got.Duplicates, Reordered: got.Reordered, Dropped: l.dropped(dir),
		Verified: got.Verified, Corrupt: account.CorruptOf(got),
	}
	if s := l.site.snapshot; s != nil && dir == spec.K2U {
		device.SumQueues(s, false).AddTo(&a)
	}
	a.Unexplained = account.Unexplained(a)
	return a
}

// receivedBy is what the receivers of one direction counted.
func (l ledger) receivedBy(dir spec.Dir) sink.Counts {
	if dir == spec.U2K {
		return l.ends.received
	}
	return *l.last.Received
}

// fill makes the record of what both ends counted.
func (l ledger) fill(t *record.Trial) {
	sum := &t.Accounting
	seconds := float64(l.at[1]-l.at[0]) / 1e9
	var offered uint64
	for _, dir := range l.dirs {
		a := l.accounts(dir)
		counts := l.receivedBy(dir)
		t.Reads.Calls += counts.Calls
		t.Reads.Bytes += counts.ReadBytes
		if counts.Again > 0 {
			t.Reads.Errors["EAGAIN"] += counts.Again
		}
		from, to := l.measured[0][dir], l.measured[1][dir]
		sent := to.accepted + to.pushedBack - from.accepted - from.pushedBack
		offered += sent
		if len(l.dirs) == 1 {
			*sum = a
			break
		}
		sum.Accepted += a.Accepted
		sum.PushedBack += a.PushedBack
		sum.Delivered += a.Delivered
		sum.Duplicates += a.Duplicates
		sum.Reordered += a.Reordered
		sum.Verified += a.Verified
		account.AddCounts(&sum.Corrupt, a.Corrupt)
		account.AddCounts(&sum.Dropped, a.Dropped)
		d := record.Direction{Accounting: a, Latency: map[string]record.Latency{}, Metrics: map[string]float64{
			record.PPS: float64(to.delivered-from.delivered) / seconds, record.BitPerS: 8 * float64(to.wireBytes-from.wireBytes) / seconds,
			record.OfferedPPS: float64(sent) / seconds,
		}}
		if a.Accepted > 0 {
			d.Metrics[record.Loss] = float64(int64(a.Accepted)-int64(a.Delivered)) / float64(a.Accepted)
		}
		if t.Directions == nil {
			t.Directions = map[string]record.Direction{}
		}
		t.Directions[string(dir)] = d
	}
	t.Metrics[record.OfferedPPS] = float64(offered) / seconds
	for _, dir := range l.dirs {
		t.Hops = append(t.Hops, l.hops(dir)...)
	}
	l.flows(t)
	if s := l.site.snapshot; s != nil && l.spec.Dir != spec.U2K {
		t.Latency[record.Residency] = account.Latency(&s.Residency, s.Missed)
	}
	if l.spec.Rate > 0 && len(l.ends.senders) > 0 {
		t.Schedule = l.schedule()
	}
	if l.emulated {
		t.Flags = append(t.Flags, record.FlagEmulated)
		t.Notes = append(t.Notes, record.FlagEmulated+": QEMU emulated the CPUs of the guest ("+l.guest.Accel+"), so its rates say nothing about one that has CPUs of its own")
	}
}

// flows are those of the first direction. What the host sent is known to it, and so is what
// it received.
func (l ledger) flows(t *record.Trial) {
	if l.spec.Flows > peer.MostFlows {
		return
	}
	for i, f := range l.last.Flows {
		flow := record.Flow{Flow: i, Accepted: f.Sent, Delivered: f.Delivered, Duplicates: f.Duplicates, Reordered: f.Reordered}
		if n := len(l.ends.senders); n > 0 {
			flow.Accepted = l.ends.senders[i%n].Sent()[i/n]
		}
		if l.dirs[0] == spec.U2K {
			for _, r := range l.ends.receivers {
				seen := r.Flow(i)
				flow.Delivered += seen.Delivered
				flow.Duplicates += seen.Duplicates
				flow.Reordered += seen.Reordered
			}
		}
		t.Flows = append(t.Flows, flow)
	}
}

// schedule is how well the host's senders kept to it, in packets.
func (l ledger) schedule() *record.Schedule {
	return account.ScheduleOf(l.ends.spec, l.ends.senders)
}

// hops follows the packets of one direction from socket to socket.
func (l ledger) hops(dir spec.Dir) []record.Hop {
	w, in := &l.site, since(l.last.Counters, l.before.Counters)
	tap, a := w.counters, l.accounts(dir)
	got := l.receivedBy(dir)
	only := func(prefix bool, of map[string]uint64) map[string]uint64 {
		drops := maps.Clone(of)
		maps.DeleteFunc(drops, func(reason string, _ uint64) bool {
			return strings.HasPrefix(reason, inGuest) != prefix
		})
		return drops
	}
	if dir == spec.K2U {
		first := record.Hop{Name: "device " + device.Name, In: tap.TxPackets, Out: tap.TxPackets, Bytes: tap.TxBytes, Dropped: only(false, a.Dropped)}
		for _, n := range first.Dropped {
			first.In += n
		}
		inside := only(true, a.Dropped)
		delete(inside, inGuest+"rx_dropped")
		nic := record.Hop{Name: "guest's virtio-net", In: tap.TxPackets, Out: in.Link.RxPackets, Bytes: in.Link.RxBytes}
		if n := in.Link.RxDropped; n > 0 {
			nic.Dropped = map[string]uint64{inGuest + "rx_dropped": n}
		}
		return []record.Hop{first, nic, {Name: "guest's sockets", In: in.Link.RxPackets, Out: got.Reads, Calls: got.Calls, Bytes: got.ReadBytes, Dropped: inside}}
	}
	return []record.Hop{
		{Name: "guest's virtio-net, sending", In: a.Accepted, Out: in.Link.TxPackets, Bytes: in.Link.TxBytes, Dropped: only(true, a.Dropped)},
		{Name: "device " + device.Name + ", written", In: in.Link.TxPackets, Out: tap.RxPackets, Bytes: tap.RxBytes},
		{Name: "host's sockets", In: tap.RxPackets, Out: got.Reads, Calls: got.Calls, Bytes: got.ReadBytes, Dropped: only(false, a.Dropped)},
	}
}

// disagree says which two counters disagree that should not; "" if none do.
func (l ledger) disagree(t *record.Trial) string {
	in := since(l.last.Counters, l.before.Counters)
	for _, dir := range l.dirs {
		a := l.accounts(dir)
		got := l.receivedBy(dir)
		switch {
		case len(l.dirs) > 1 && a.Unexplained != 0:
			return fmt.Sprintf("%s: accepted %d, delivered %d, dropped %d: %d are missing", dir, a.Accepted, a.Delivered, a.DroppedTotal(), a.Unexplained)
		case got.Foreign > 0:
			return fmt.Sprintf("%s: the receivers saw %s that the generator did not make", dir, record.Plural(got.Foreign, "packet", "packets"))
		case a.Xmit != nil && !l.spec.Bridge && *a.Xmit+device.QdiscDrops(a.Dropped) != a.Accepted:
			return fmt.Sprintf("the generator's %d packets were accepted, the qdisc dropped %d, the observer saw %d at xmit", a.Accepted, device.QdiscDrops(a.Dropped), *a.Xmit)
		case a.Read != nil && *a.Read != l.site.counters.TxPackets:
			return fmt.Sprintf("QEMU read %d packets by the device's count, the observer saw %d at read", l.site.counters.TxPackets, *a.Read)
		case dir == spec.K2U && in.Stack.Lost[sink.SocketDrops] != l.last.Counters.Overruns:
			return fmt.Sprintf("the guest's sockets dropped %d packets, its UDP counted %d", l.last.Counters.Overruns, in.Stack.Lost[sink.SocketDrops])
		case dir == spec.U2K && l.site.stack.Lost[sink.SocketDrops] != l.ends.overruns:
			return fmt.Sprintf("the host's sockets dropped %d packets, its UDP counted %d", l.ends.overruns, l.site.stack.Lost[sink.SocketDrops])
		}
	}
	if s := l.site.snapshot; s != nil && s.Strays > 0 {
		return fmt.Sprintf("the observer saw %d events on queues that the device does not have", s.Strays)
	}
	return ""
}
