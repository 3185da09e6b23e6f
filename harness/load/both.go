package load

import (
	"context"
	"errors"
	"maps"

	"tunbench/bpf"
	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/path"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/reports/record"
)

// both is the load of path=sink dir=both: one device; sockets send into it and
// receive from it, while user space reads from its queues and writes to them.
// Flow i of what is written is the answer to flow i of what is sent, so that a
// device that learns flows by their answers (tun_flow_update of
// drivers/net/tun.c) sees them.
type both struct {
	kernel *k2u // the half of the sockets that send, and of the queues' readers
	user   writing
}

func newBoth(s spec.Spec, hook bpf.Hook, p record.Placement) *both {
	places := placesOf(s, p)
	k := newK2U(halfOf(s, 0), hook, places[0])
	k.observed = bpf.Both
	return &both{kernel: k, user: writing{spec: halfOf(s, 1), placement: places[1]}}
}

// halfOf is what one half of dir=both sends: half of the packets.
func halfOf(s spec.Spec, half uint64) spec.Spec {
	s.Rate /= 2
	s.Count = (s.Count + 1) / 2
	s.Seed += half
	return s
}

func (g *both) Build(ctx context.Context) (path.Site, error) {
	built, err := g.kernel.Build(ctx)
	if err != nil {
		return built, err
	}
	g.user.ns, g.user.device = g.kernel.ns, g.kernel.device
	return built, g.user.openXDP()
}

func (g *both) Open(sending *traffic.Control, reading *sink.Control) ([]*Direction, error) {
	directions, err := g.kernel.Open(sending, reading)
	if err != nil {
		return directions, err
	}
	g.user.direction = Direction{Direction: account.Direction{Dir: spec.U2K, Written: g.user.spec.Queues, PerSKB: device.SegmentsPerWrite(g.user.spec)}}
	directions = append(directions, &g.user.direction)
	if err := g.openEnds(reading); err != nil {
		return directions, err
	}
	return directions, g.user.openWriters(g.user.placement.Sender, true)
}

// openEnds makes what answers end in: the sockets that they answer to, with a
// receiver for those of each sender, or the XDP program.
func (g *both) openEnds(reading *sink.Control) error {
	w := &g.user
	if w.spec.XDP.Drops() {
		return w.openEnds(nil, reading)
	}
	// Many sockets hold together what few do.
	room := max(leastRoom, socketRoom/w.spec.Flows)
	for i, cpu := range w.placement.Reader {
		fds := g.kernel.direction.Senders[i].Sockets()
		for _, fd := range fds {
			if err := sink.Prepare(fd, room, w.direction.PerSKB > 1); err != nil {
				return err
			}
		}
		w.receive(sink.ReceiverConfig{FDs: fds, CPU: cpu}, reading)
	}
	return nil
}

// leastRoom of a socket in bytes takes some GSO packets.
const leastRoom = 512 << 10

func (g *both) Attend(e *device.Event) { g.kernel.Attend(e) }

func (g *both) Empty() (bool, error) {
	if ok, err := g.kernel.Empty(); !ok || err != nil {
		return false, err
	}
	return g.user.Empty()
}

func (g *both) Collect() (path.Ledger, error) { return g, g.count() }

func (g *both) count() error {
	if err := g.kernel.count(); err != nil {
		return err
	}
	return g.user.count()
}

func (g *both) Account(t *record.Trial) {
	snapshot := g.kernel.snapshot
	if snapshot != nil && g.user.spec.XDP == spec.XDPDrop {
		// Native XDP comes before what the observer takes for receiving: its
		// drops look like those of what is sent, on a queue above the real one.
		g.user.endedIn(snapshot.Drops, g.user.seen*g.user.direction.PerSKB)
		snapshot.Strays -= min(snapshot.Strays, g.user.seen)
	}
	g.kernel.Account(t)
	down, up := t.Directions[string(spec.K2U)], t.Directions[string(spec.U2K)]
	a := &t.Accounting
	down.Accounting.Dropped = maps.Clone(a.Dropped)
	down.Accounting.Xmit, down.Accounting.Read = a.Xmit, a.Read
	down.Accounting.XmitSKBs, down.Accounting.ReadSKBs = a.XmitSKBs, a.ReadSKBs
	a.Xmit, a.Read, a.XmitSKBs, a.ReadSKBs = nil, nil, nil, nil // of one direction only
	if residency, ok := t.Latency[record.Residency]; ok {
		down.Latency = map[string]record.Latency{record.Residency: residency}
	}
	up.Accounting.Dropped = g.user.dropped(snapshot)
	for reason, n := range up.Accounting.Dropped {
		a.Dropped[reason] += n
	}
	t.Directions[string(spec.K2U)], t.Directions[string(spec.U2K)] = down, up
	t.Writes = writesOf(g.user.direction.Senders)
	for i := range t.Queues {
		g.user.onQueue(&t.Queues[i], snapshot)
	}
}

func (g *both) Mismatch(t *record.Trial) string {
	down := record.Trial{Accounting: t.Directions[string(spec.K2U)].Accounting}
	if text := g.kernel.Mismatch(&down); text != "" {
		return "k2u: " + text
	}
	if text := g.user.disagree(t.Directions[string(spec.U2K)].Accounting, g.kernel.snapshot); text != "" {
		return "u2k: " + text
	}
	return ""
}

func (g *both) Close() error { return errors.Join(g.user.close(), g.kernel.Close()) }
