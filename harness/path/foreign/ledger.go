package foreign

import (
	"fmt"
	"math"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/netem"
	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/path"
	"tunbench/harness/program"
	"tunbench/harness/socket"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/reports/record"
)

const udpHeader = 8

// ledger is what was counted during a trial, read at its end.
type ledger struct {
	*Path
	devices   [2]netns.Counters
	below     [2]netns.Counters
	carried   netem.Counts // by the link below
	lost      [2]uint64    // by the sockets below
	snapshots [2]*bpf.Snapshot
	observer  *record.Observer
	programs  []record.Process
}

// socketDrops is how many datagrams, or trains of them, the UDP sockets of the program
// in ns have dropped: those of tunbench have a port of their own.
func socketDrops(ns *netns.NS) (sum uint64, err error) {
	err = ns.Do(func() error {
		all, err := socket.Table("udp")
		for _, e := range all {
			if e.Port != traffic.SinkPort {
				sum += e.Drops
			}
		}
		return err
	})
	return sum, err
}

func (w *ledger) count() (err error) {
	if w.below, err = w.under.Counters(); err != nil {
		return err
	}
	if w.carried, err = w.under.Link.Counts(); err != nil {
		return err
	}
	for i, h := range w.hosts {
		if w.devices[i], err = w.passedBy(i); err != nil {
			return err
		}
		drops, err := socketDrops(h.NS)
		if err != nil {
			return err
		}
		w.lost[i] = drops - min(drops, w.drops[i])
		used, err := w.pair.Usage(i)
		if err != nil {
			return err
		}
		w.programs = append(w.programs, record.Process{
			Name: w.spec.Program, End: program.Hosts[i], CPUNs: uint64(max(0, used.CPUNs-w.spent[i])), PeakBytes: used.PeakBytes,
		})
		if w.watches[i] == nil {
			continue
		}
		var own *record.Observer
		if w.snapshots[i], own, err = device.LastLook(w.watches[i]); err != nil {
			return err
		}
		w.observer = device.JoinMissed(w.observer, own, w.snapshots[i], w.devices[i])
	}
	return nil
}

// tcp reports whether packets are of many sizes, so that their number does not follow
// from their bytes.
func (w *ledger) tcp() bool { return w.spec.Gen.Conversation() && w.spec.Gen != spec.GenUDPRR }

// segments is how many wire segments are in so many packets or GSO packets, which have
// so many bytes together: all segments are alike, and each packet has its headers once.
func (w *ledger) segments(packets, bytes uint64) uint64 {
	if w.tcp() || w.spec.Size == spec.SizeIMIX {
		return packets
	}
	headers := uint64(w.spec.IPHeader() + udpHeader)
	payload := uint64(w.spec.Size) - headers
	if w.spec.Mode == spec.TAP {
		headers += packet.EthernetLen
	}
	if bytes < packets*headers {
		return packets
	}
	return uint64(math.Round(float64(bytes-packets*headers) / float64(payload)))
}

// read is how many wire segments the program of a host took from its device, and written
// how many it wrote to it.
func (w *ledger) read(host int) uint64 {
	c := w.devices[host]
	return w.segments(c.TxPackets, c.TxBytes)
}

func (w *ledger) written(host int) uint64 {
	c := w.devices[host]
	return w.segments(c.RxPackets, c.RxBytes)
}

// dropped is what a device did not take, by reason if it was observed.
func (w *ledger) dropped(host int) map[string]uint64 {
	return device.Lost(w.spec, w.snapshots[host], w.devices[host], w.perSKB(host))
}

// Account fills in devices, programs, what the observers saw, and the hops of each
// direction with their drops.
func (w *ledger) Account(t *record.Trial) {
	t.Observer, t.Programs = w.observer, w.programs
	for i := range w.hosts {
		t.Devices = append(t.Devices, w.record(i))
	}
	t.Device = t.Devices[0]
	w.under.Link.Describe(t, w.carried)
	for i, s := range w.snapshots {
		if s != nil {
			w.seen(t, i, s)
		}
	}
	for _, p := range w.programs {
		t.Metrics[record.PeakBytes] = max(t.Metrics[record.PeakBytes], float64(p.PeakBytes))
	}
	for from := range w.spec.Directions() {
		t.Hops = append(t.Hops, path.AddDrops(t, path.DirFrom[from], w.hops(from))...)
	}
	t.Notes = append(t.Notes, "the programs ran on all CPUs: their CPU time counts, and that of softirqs only as far as it falls to them or to the CPUs of senders and readers")
}

// record is the device of a host in a record.
func (w *ledger) record(host int) record.Device {
	s := w.state[host]
	flags := []string{map[spec.Mode]string{spec.TUN: "IFF_TUN", spec.TAP: "IFF_TAP"}[w.spec.Mode]}
	if w.queues[host] > 1 {
		flags = append(flags, "IFF_MULTI_QUEUE")
	}
	return record.Device{Name: s.Name, Flags: flags, Offloads: s.Features, Qdisc: s.Qdisc, TxQLen: s.TxQLen, MTU: s.MTU}
}

// seen adds what the observer on a device saw. Queues and residency are those of the
// first device.
func (w *ledger) seen(t *record.Trial, host int, s *bpf.Snapshot) {
	super := w.perSKB(host) > 1
	sums := device.SumQueues(s, super)
	sums.AddTo(&t.Accounting)
	residency := account.Latency(&s.Residency, s.Missed)
	if d, ok := t.Directions[string(path.DirFrom[host])]; ok {
		sums.AddTo(&d.Accounting)
		d.Latency = map[string]record.Latency{record.Residency: residency}
		t.Directions[string(path.DirFrom[host])] = d
	}
	if host == 0 {
		t.Queues = append(t.Queues, device.QueueRecords(s, super)...)
		t.Latency[record.Residency] = residency
	}
}

// hops are the places that packets pass which go from one host to the other. The packets
// of the link below are those of the programs, of any kind: they are shown beside it, and
// what is missing between the two devices is named by where it can have gone.
func (w *ledger) hops(from int) []record.Hop {
	to := 1 - from
	sent, arrived := w.devices[from], w.devices[to]
	below, other := w.below[from], w.below[to]
	first := record.Hop{Name: "device " + w.hosts[from].Link, Out: w.read(from), Dropped: w.dropped(from), Bytes: sent.TxBytes}
	first.In = first.Out
	for _, n := range first.Dropped {
		first.In += n
	}
	through := record.Hop{Name: fmt.Sprintf("%s %s to %s", w.spec.Program, path.HostLetters[from], path.HostLetters[to]), In: w.read(from), Out: w.written(to), Dropped: map[string]uint64{}}
	if !w.tcp() && through.In > through.Out {
		gone := through.In - through.Out
		lost := map[string]uint64{}
		w.carried.Drops(from, w.train(from), lost)
		for _, place := range []struct {
			reason string
			n      uint64
		}{{record.LinkDrop, lost[record.LinkDrop]}, {record.LinkFull, lost[record.LinkFull]}, {"underlay SOCKET_RCVBUFF", w.lost[to]}, {"underlay " + record.TxDropped, below.TxDropped}, {w.spec.Program, gone}} {
			if n := min(gone, place.n); n > 0 {
				through.Dropped[place.reason] = n
				gone -= n
			}
		}
	}
	return []record.Hop{
		first, through,
		{Name: "underlay of " + through.Name, In: below.TxPackets + below.TxDropped, Out: other.RxPackets, Bytes: other.RxBytes},
		{Name: "device " + w.hosts[to].Link, In: w.written(to), Out: w.written(to), Bytes: arrived.RxBytes},
	}
}

// train is how many packets from the device of a host its program sends in one datagram, or
// in one GSO packet of datagrams, on average.
func (w *ledger) train(host int) uint64 {
	sent := w.below[host].TxPackets + w.carried.Lost(host)
	if sent == 0 {
		return 1
	}
	return max(1, uint64(math.Round(float64(w.read(host))/float64(sent))))
}

// Mismatch says which two counters disagree.
func (w *ledger) Mismatch(t *record.Trial) string {
	for from := range w.spec.Directions() {
		to := 1 - from
		if in, out := w.read(from), w.written(to); !w.tcp() && out > in {
			return fmt.Sprintf("program=%s took %d packets from %s and wrote %d to %s: it sends some twice, or packets of its own", w.spec.Program, in, w.hosts[from].Link, out, w.hosts[to].Link)
		}
	}
	for i, s := range w.snapshots {
		if s == nil {
			continue
		}
		name := w.hosts[i].Link
		var read uint64
		for _, q := range s.Queues {
			read += q.ReadPkts
		}
		switch {
		case !w.tcp() && read != w.read(i):
			return fmt.Sprintf("%d packets were read from %s, the observer saw %d at read", w.read(i), name, read)
		case s.Strays > 0:
			return fmt.Sprintf("the observer saw %d events on queues of %s that program=%s does not hold", s.Strays, name, w.spec.Program)
		}
	}
	return path.Unseen(w.spec, t)
}
