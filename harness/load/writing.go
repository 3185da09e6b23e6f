package load

import (
	"errors"
	"fmt"
	"maps"
	"net/netip"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/path"
	"tunbench/harness/refusal"
	"tunbench/harness/sink"
	"tunbench/harness/socket"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/reports/record"
)

// socketRoom is what the socket of a receiver may hold, in bytes as the kernel
// counts them: some thousands of small packets.
const socketRoom = 4 << 20

// writing is a device to which user space writes, with what writes and receives.
type writing struct {
	spec      spec.Spec
	placement record.Placement
	ns        *netns.NS
	device    *device.Device
	xdp       *bpf.XDP
	direction Direction
	receivers []*sink.Receiver
	packets   *packetEnd // in their place, of gen=packet-gso

	counters netns.Counters
	stack    netns.Stack
	overruns uint64 // of all receivers' sockets
	seen     uint64 // by the XDP program
}

func (w *writing) openXDP() (err error) {
	if x := w.spec.XDP; x != spec.XDPOff {
		w.xdp, err = bpf.OpenXDP(w.device.State.Index, w.ns.Do, x.Drops(), x.Generic())
	}
	return err
}

// target is the device to an observer of that direction.
func (w *writing) target(direction bpf.Direction, sampleEvery int) bpf.Target {
	t := w.device.Target(sampleEvery)
	t.Direction = direction
	t.GSO = t.GSO || device.SegmentsPerWrite(w.spec) > 1
	return t
}

// openWriters makes the writers. Flow i is written to queue i modulo their
// number, by writer i modulo the number of those. With answers it is the reverse
// of flow i of dir=k2u.
func (w *writing) openWriters(cpus []int, answers bool) error {
	switch w.spec.IO {
	case spec.IORead, spec.IOReadv, spec.IOPoll, spec.IOSpin, spec.IOURing, spec.IOVhost:
	default:
		return path.NotBuilt(w.spec)
	}
	addr, peer := device.Addresses(w.spec)
	queues := w.device.Queues()
	for i, cpu := range cpus {
		c := SenderConfig(w.spec, i, len(cpus), cpu)
		c.Kind, c.Src, c.Dst = device.WriteKinds[w.spec.Gen], peer, addr.Addr()
		c.SrcLink, c.DstLink = c.DstLink, c.SrcLink
		if w.spec.Gen == spec.GenPacketGSO {
			c.Dst = device.Nobody(w.spec)
		}
		c.Written = traffic.Written{
			Answers: answers, PI: w.spec.PI, VnetHdr: w.spec.VnetHdr,
			Vectored: w.spec.IO == spec.IOReadv, Poll: w.spec.IO == spec.IOPoll || w.spec.IO == spec.IOURing,
			Ring: w.spec.IO == spec.IOURing, Vhost: w.spec.IO == spec.IOVhost,
		}
		for _, flow := range c.Flows {
			fd := queues[flow%len(queues)].FD()
			c.FDs = append(c.FDs, fd)
			if d := w.device.Drivers[fd]; d != nil { // which has a reader already
				c.Drivers = append(c.Drivers, d)
			}
		}
		s, err := traffic.Open(c)
		if c.Vhost && err != nil {
			return refusal.OfVhost(err)
		}
		if err != nil {
			return err
		}
		w.direction.Senders = append(w.direction.Senders, s)
		if i == 0 && (c.Vhost && w.direction.PerSKB > 1 || w.spec.Tail != spec.TailFull) {
			if err := w.device.TakesHeader(s.First()); err != nil {
				return err
			}
		}
	}
	return nil
}

// openEnds makes what packets end in: a socket for each receiver, or the XDP
// program.
func (w *writing) openEnds(cpus []int, reading *sink.Control) error {
	if w.spec.XDP.Drops() {
		w.direction.Counted = true
		w.direction.add(sink.NewCounted(sink.CountedConfig{
			Count: w.xdp.Count, Segments: w.direction.PerSKB, HeaderLen: w.headerLen(),
		}, reading))
		return nil
	}
	if w.spec.Gen == spec.GenPacketGSO {
		var err error
		if w.packets, err = openPacketEnd(w.ns, w.device.State.Index, w.spec, cpus[0], reading); err != nil {
			return err
		}
		w.direction.add(w.packets.reader)
		return nil
	}
	addr, _ := device.Addresses(w.spec)
	return w.ns.Do(func() error {
		payload := payloads[w.spec.Payload]
		var prepare func(fd int) error
		if !payload.Summed() {
			prepare = func(fd int) error { return socket.ReceiveUnsummed(fd, w.spec.Family == 6) }
		}
		fds, err := sink.ListenBehind(netip.AddrPortFrom(addr.Addr(), payload.Port()), len(cpus), socketRoom, w.direction.PerSKB > 1, payload.Before(), prepare)
		if err != nil {
			return err
		}
		for i, cpu := range cpus {
			w.receive(sink.ReceiverConfig{FDs: fds[i : i+1], Own: true, CPU: cpu, Before: payload.Before()}, reading)
		}
		return nil
	})
}

// receive adds a receiver.
func (w *writing) receive(c sink.ReceiverConfig, reading *sink.Control) {
	c.GRO, c.Flows, c.Open = w.direction.PerSKB > 1, w.spec.Flows, w.spec.Open()
	c.HeaderLen = w.headerLen()
	c.Payload, c.Tail = PayloadOf(w.spec)
	if !c.GRO {
		c.MaxRead = max(spec.DefaultMTU, w.spec.Size)
	}
	r := sink.NewReceiver(c, reading)
	w.receivers = append(w.receivers, r)
	w.direction.add(r)
}

func (w *writing) headerLen() int {
	if w.spec.Gen == spec.GenPacketGSO {
		return packet.TCPHeadersLen(w.spec.Mode == spec.TAP, w.spec.Family)
	}
	return packet.HeadersLen(w.spec.Mode == spec.TAP, w.spec.Family)
}

// Empty reports whether the stack has received what the device has received, which
// takes a little longer with NAPI, and no socket holds a packet.
func (w *writing) Empty() (bool, error) {
	for _, s := range w.direction.Senders {
		if !s.Settled() {
			return false, nil
		}
	}
	if !w.spec.XDP.Drops() {
		c, err := w.device.Counters()
		if err != nil {
			return false, err
		}
		received, err := w.ns.Received()
		if err != nil || received < c.RxPackets {
			return false, err
		}
		if w.packets != nil {
			return w.packets.empty(c.RxPackets)
		}
	}
	return sink.Idle(w.receivers)
}

func (w *writing) count() (err error) {
	if w.counters, err = w.device.Counters(); err != nil {
		return err
	}
	if w.stack, err = w.ns.Stack(); err != nil {
		return err
	}
	for _, r := range w.receivers {
		n, err := r.Overruns()
		if err != nil {
			return err
		}
		w.overruns += n
	}
	if w.packets != nil {
		if err := w.packets.count(); err != nil {
			return err
		}
	}
	if w.xdp != nil {
		w.seen, _, err = w.xdp.Count()
	}
	for _, r := range w.direction.Readers {
		r.Seen() // of one that counts, the last look
	}
	return err
}

// xdpReasons are the kernel's reasons for what an XDP program drops: a program
// in the stack gives none (netif_receive_generic_xdp of net/core/dev.c, Linux
// 6.18), and old kernels name none.
var xdpReasons = []string{"XDP", "NOT_SPECIFIED", "UNKNOWN"}

// dropped is what was lost after the kernel had taken it, in wire segments: as
// the observer saw it or, in the bare arm, as the stack counted it.
func (w *writing) dropped(snapshot *bpf.Snapshot) map[string]uint64 {
	if w.packets != nil {
		return w.packets.dropped(w.direction.PerSKB)
	}
	if snapshot != nil {
		drops := maps.Clone(snapshot.RecvDrops)
		w.endedIn(drops, w.seen*w.direction.PerSKB)
		// A checksum may be found wrong only when a receiver calls, in which the observer
		// does not see the device any more.
		if n := w.stack.Lost[account.WrongSum]; n > 0 && drops[account.WrongSum] == 0 {
			drops[account.WrongSum] = n * w.direction.PerSKB
		}
		return drops
	}
	drops := map[string]uint64{}
	for reason, n := range w.stack.Lost {
		drops[reason] = n * w.direction.PerSKB
	}
	return drops
}

// endedIn takes from drops those that the XDP program made, as far as they are
// among them: they were delivered to it. It gives how many are left of n.
func (w *writing) endedIn(drops map[string]uint64, n uint64) (rest uint64) {
	if !w.spec.XDP.Drops() {
		return 0
	}
	for _, reason := range xdpReasons {
		these := min(n, drops[reason])
		n -= these
		if drops[reason] -= these; drops[reason] == 0 {
			delete(drops, reason)
		}
	}
	return n
}

// onQueue fills in what the observer saw written to a queue.
func (w *writing) onQueue(queue *record.Queue, snapshot *bpf.Snapshot) {
	q := snapshot.Queues[queue.Queue]
	queue.RecvPkts, queue.RecvBytes = q.RecvPkts, q.RecvBytes
	queue.DropPkts += q.RecvDropPkts
	if w.direction.PerSKB > 1 {
		queue.RecvSKBs = q.RecvSKBs
	}
}

// flowsOn counts the flows that were written to queue i.
func (w *writing) flowsOn(i int) (n int) {
	for _, s := range w.direction.Senders {
		for position, sent := range s.Sent() {
			if sent > 0 && s.Flows[position]%w.spec.Queues == i {
				n++
			}
		}
	}
	return n
}

// disagree says which two counters of what was written differ; "" if none do.
func (w *writing) disagree(a record.Accounting, snapshot *bpf.Snapshot) string {
	taken := a.Accepted / w.direction.PerSKB
	if native := w.spec.XDP == spec.XDPDrop; !native && w.counters.RxPackets != taken {
		// Native XDP drops a frame before the device counts it.
		return fmt.Sprintf("the kernel took %d packets or GSO packets that were written, the device counted %d", taken, w.counters.RxPackets)
	}
	if w.xdp != nil && w.seen != taken {
		return fmt.Sprintf("the kernel took %d packets or GSO packets that were written, the XDP program counted %d", taken, w.seen)
	}
	if lost := w.stack.Lost[sink.SocketDrops] + w.stack.Lost["PROTO_MEM"] + w.stack.Lost[account.WrongSum]; lost != w.overruns {
		return fmt.Sprintf("the sockets dropped %d packets or GSO packets, UDP counted %d", w.overruns, lost)
	}
	if w.packets != nil {
		if text := w.packets.mismatch(w.counters.RxPackets); text != "" {
			return text
		}
	}
	if snapshot == nil || w.spec.XDP == spec.XDPDrop {
		return "" // where the observer looks, native XDP has been
	}
	var recv uint64
	for _, q := range snapshot.Queues {
		recv += q.RecvPkts
	}
	switch {
	case recv != a.Accepted:
		return fmt.Sprintf("the kernel took %d packets that were written, the observer saw %d", a.Accepted, recv)
	case snapshot.Strays > 0:
		return fmt.Sprintf("the observer saw %d events on queues that the device does not have", snapshot.Strays)
	}
	return ""
}

func (w *writing) close() error {
	err := w.packets.close()
	if w.xdp == nil {
		return err
	}
	return errors.Join(err, w.xdp.Close())
}

// writesOf is what the calls of writers came to.
func writesOf(writers []*traffic.Sender) *record.Writes {
	out := &record.Writes{Errors: map[string]uint64{}, Sizes: map[string]uint64{}}
	for _, s := range writers {
		w := s.Writes()
		out.Calls += s.Progress().Calls
		out.Bytes += w.Bytes
		for name, n := range w.Errors {
			out.Errors[name] += n
		}
		for size, n := range w.Sizes {
			out.Sizes[size] += n
		}
	}
	return out
}
