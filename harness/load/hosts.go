package load

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"

	"tunbench/harness/account"
	"tunbench/harness/device"
	"tunbench/harness/netns"
	"tunbench/harness/packet"
	"tunbench/harness/path"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/harness/traffic"
	"tunbench/reports/record"
)

// hosts is the load of stamped packets between two hosts: sockets of one send
// over a path, sockets of the other one receive. With dir=both each does both. The
// hosts of a yardstick are two addresses of one namespace.
type hosts struct {
	path       path.Path
	below      path.Ledger // of the path
	ends       [2]path.Host
	spec       spec.Spec
	placement  record.Placement
	directions []*Direction
	receivers  [][]*sink.Receiver // by direction
	overruns   []uint64           // of a direction's sockets, at the end
	entering   path.Settling
	stacks     [2]netns.Losses
	lost       [2]map[string]uint64 // by the stack of each host, at the end
}

func newHosts(s spec.Spec, w path.Path, p record.Placement) *hosts {
	return &hosts{path: w, spec: s, placement: p}
}

func (g *hosts) Build(ctx context.Context) (path.Site, error) {
	built, err := g.path.Build(ctx)
	g.ends = built.Hosts
	return built, err
}

func (g *hosts) Open(_ *traffic.Control, reading *sink.Control) ([]*Direction, error) {
	for i, h := range g.ends {
		var err error
		if g.stacks[i], err = h.NS.Losses(); err != nil {
			return nil, err
		}
	}
	dirs := DirectionsOf(g.spec)
	places := placesOf(g.spec, g.placement)
	for i, dir := range dirs {
		l := &Direction{Direction: account.Direction{Dir: dir, PerSKB: callsOf(g.spec, dir).segments}}
		g.directions = append(g.directions, l)
		g.receivers = append(g.receivers, nil)
		// Receivers first: a packet to a port that nobody has would be answered.
		if err := g.openReceivers(i, places[i].Reader, reading); err != nil {
			return g.directions, err
		}
		if err := g.openSenders(l, places[i].Sender); err != nil {
			return g.directions, err
		}
	}
	return g.directions, nil
}

// DirectionsOf lists the directions in which packets flow.
func DirectionsOf(s spec.Spec) []spec.Dir {
	if s.Dir == spec.Both {
		return []spec.Dir{spec.K2U, spec.U2K}
	}
	return []spec.Dir{s.Dir}
}

// placesOf cuts a placement into those of each of DirectionsOf. On a path with two ends
// they are alike; with one end the sockets that send and the readers of the queues come
// first.
func placesOf(s spec.Spec, p record.Placement) []record.Placement {
	if s.Dir != spec.Both {
		return []record.Placement{p}
	}
	senders, readers := len(p.Sender)/2, len(p.Reader)/2
	if s.Path == spec.PathSink {
		senders, readers = len(p.Sender)-min(s.Queues, s.Flows), s.Queues
	}
	return []record.Placement{
		{Sender: p.Sender[:senders], Reader: p.Reader[:readers]},
		{Sender: p.Sender[senders:], Reader: p.Reader[readers:]},
	}
}

// source is the number of the host that sends the packets of a direction.
func source(l *Direction) int {
	if l.Dir == spec.U2K {
		return 1
	}
	return 0
}

// from and to are the hosts between which packets of a direction go.
func (g *hosts) from(l *Direction) path.Host { return g.ends[source(l)] }
func (g *hosts) to(l *Direction) path.Host   { return g.ends[1-source(l)] }

// openSenders opens the sockets of a direction's senders, who come from addresses
// and ports of their own. Flow i belongs to sender i modulo their number.
func (g *hosts) openSenders(l *Direction, cpus []int) error {
	from, to := g.from(l), g.to(l)
	return from.NS.Do(func() error {
		for i, cpu := range cpus {
			c := SenderConfig(g.spec, i, len(cpus), cpu)
			c.Kind, c.Src, c.Dst = device.Kinds[g.spec.Gen], from.Addr, to.Addr
			c.Each = callsOf(g.spec, l.Dir).sendEach
			s, err := traffic.Open(c)
			if err != nil {
				return err
			}
			l.Senders = append(l.Senders, s)
		}
		return nil
	})
}

// openReceivers opens a socket for each receiver of a direction. Unless calls.segments
// is above 1, a GSO packet is cut into segments before it is queued on a socket, so that
// each is counted where it is received or lost.
func (g *hosts) openReceivers(number int, cpus []int, reading *sink.Control) error {
	l := g.directions[number]
	to, calls := g.to(l), callsOf(g.spec, l.Dir)
	each, last := PayloadOf(g.spec)
	whole := calls.segments > 1
	return to.NS.Do(func() error {
		fds, err := sink.Listen(netip.AddrPortFrom(to.Addr, traffic.SinkPort), len(cpus), calls.room, whole)
		if err != nil {
			return err
		}
		for i, cpu := range cpus {
			r := sink.NewReceiver(sink.ReceiverConfig{
				FDs: fds[i : i+1], Own: true, CPU: cpu, Wait: calls.wait, Each: calls.receiveEach, GRO: whole,
				Flows:     g.spec.Flows,
				HeaderLen: packet.HeadersLen(g.spec.Mode == spec.TAP, g.spec.Family), Open: g.spec.Open(),
				MaxRead: calls.maxRead, Payload: each, Tail: last,
			}, reading)
			l.add(r)
			g.receivers[number] = append(g.receivers[number], r)
		}
		return nil
	})
}

// Empty reports whether nothing is on the path and no socket holds a packet.
func (g *hosts) Empty() (bool, error) {
	if ok, err := g.entered(); !ok || err != nil {
		return false, err
	}
	if ok, err := g.path.Empty(); !ok || err != nil {
		return false, err
	}
	var fds []unix.PollFd
	for _, r := range slices.Concat(g.receivers...) {
		for _, fd := range r.FDs {
			fds = append(fds, unix.PollFd{Fd: int32(fd), Events: unix.POLLIN})
		}
	}
	n, err := unix.Poll(fds, 0)
	if err != nil && !errors.Is(err, unix.EINTR) {
		return false, fmt.Errorf("poll the receivers' sockets: %w", err)
	}
	return n == 0 && err == nil, nil
}

// entered reports whether the devices at the entrance have counted all that was sent. What never
// comes there is waited for until it stands still.
func (g *hosts) entered() (bool, error) {
	entrance, ok := g.path.(path.Entrance)
	if !ok {
		return true, nil
	}
	var counts []uint64
	for _, l := range g.directions {
		var sent uint64
		for _, s := range l.Senders {
			sent += s.Progress().Accepted
		}
		n, err := entrance.Entered(source(l))
		if err != nil {
			return false, err
		}
		counts = append(counts, sent, min(n, sent)) // others may send there, too
	}
	return g.entering.Done(counts...), nil
}

func (g *hosts) Collect() (path.Ledger, error) {
	for _, receivers := range g.receivers {
		var sum uint64
		for _, r := range receivers {
			n, err := r.Overruns()
			if err != nil {
				return nil, err
			}
			sum += n
		}
		g.overruns = append(g.overruns, sum)
	}
	var err error
	for i, stack := range g.stacks {
		if g.lost[i], err = stack.Now(); err != nil {
			return nil, err
		}
	}
	g.below, err = g.path.Collect()
	return g, err
}

func (g *hosts) Account(t *record.Trial) {
	drops := make([]map[string]uint64, len(g.directions))
	for i, l := range g.directions {
		drops[i] = map[string]uint64{sink.SocketDrops: g.overruns[i] * l.PerSKB}
		account.Drop(t, l.Dir, sink.SocketDrops, g.overruns[i]*l.PerSKB)
	}
	g.below.Account(t)
	for i, l := range g.directions {
		lost := g.lost[1-source(l)]
		for reason, n := range account.ThrownAway(t, l.Dir, lost, l.PerSKB) {
			reason = account.Blame(g.spec, reason)
			drops[i][reason] = n
			account.Drop(t, l.Dir, reason, n)
		}
		// A checksum may be found wrong only when a receiver calls: its socket counts that, too.
		reason := account.Blame(g.spec, account.WrongSum)
		if n := min(lost[account.WrongSum]*l.PerSKB-drops[i][reason], drops[i][sink.SocketDrops]); n > 0 {
			drops[i][reason] += n
			drops[i][sink.SocketDrops] -= n
			account.Rename(t, l.Dir, sink.SocketDrops, reason, n)
		}
	}
	if t.Hops == nil {
		return // of a path that has no places of its own
	}
	for i, l := range g.directions {
		got := account.Total(l.Readers)
		hop := record.Hop{Name: "sockets of " + g.to(l).Link, In: got.Reads, Out: got.Reads, Dropped: map[string]uint64{}, Calls: got.Calls, Bytes: got.ReadBytes}
		for reason, n := range drops[i] {
			if n /= l.PerSKB; n > 0 {
				hop.Dropped[reason] = n
				hop.In += n
			}
		}
		t.Hops = append(t.Hops, hop)
	}
}

func (g *hosts) Mismatch(t *record.Trial) string {
	for _, l := range g.directions {
		d, ok := t.Directions[string(l.Dir)]
		if n := account.Unexplained(d.Accounting); ok && n != 0 {
			return fmt.Sprintf("%s: accepted %d, delivered %d, dropped %d: %d are missing", l.Dir, d.Accounting.Accepted, d.Accounting.Delivered, d.Accounting.DroppedTotal(), n)
		}
	}
	return g.below.Mismatch(t)
}

func (g *hosts) Close() error { return g.path.Close() }
