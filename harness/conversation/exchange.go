package conversation

import (
	"context"
	"fmt"
	"time"

	"tunbench/harness/account"
	"tunbench/harness/netns"
	"tunbench/harness/path"
	"tunbench/harness/spec"
	"tunbench/harness/stream"
	"tunbench/reports/record"
)

// exchange is the conversations of which one host began.
type exchange struct {
	ends      [2]path.Host // who begins, and the other one
	host      int          // number of the first
	listener  *stream.Listener
	speakers  []*stream.End
	listeners []*stream.End
	peers     [2][]*peer // in order of their flows
	stacks    [2]netns.Losses
	lost      map[string]uint64 // by the stacks of both, at the end
}

// sweep takes late answers, and counts what the stacks have lost since open.
func (w *exchange) sweep() error {
	for _, s := range w.speakers {
		if err := s.Sweep(); err != nil {
			return err
		}
	}
	w.lost = map[string]uint64{}
	for _, stack := range w.stacks {
		lost, err := stack.Now()
		if err != nil {
			return err
		}
		account.AddCounts(&w.lost, lost)
	}
	return nil
}

// explain counts the datagrams as dropped that are missing and that the stacks threw away.
func (w *exchange) explain(s spec.Spec, t *record.Trial) {
	for reason, n := range account.ThrownAway(t, "", w.lost, 1) {
		account.Drop(t, "", account.Blame(s, reason), n)
	}
}

// connect connects one flow after the other, so that the listener's are in the
// same order.
func (w *exchange) connect(ctx context.Context) error {
	n := len(w.speakers)
	for flow := 0; ; flow++ {
		conns := w.speakers[flow%n].Conns()
		if flow/n >= len(conns) {
			return nil
		}
		c := conns[flow/n]
		if err := c.Connect(ctx, w.ends[1].Addr); err != nil {
			return err
		}
		other, err := w.listener.Accept(ctx)
		if err != nil {
			return fmt.Errorf("accept flow %d: %w", flow, err)
		}
		w.listeners[flow%n].Add(other)
		if other.Flow != flow {
			return fmt.Errorf("accept flow %d: flow %d came", flow, other.Flow)
		}
		w.peers[0] = append(w.peers[0], &peer{conn: c})
		w.peers[1] = append(w.peers[1], &peer{conn: other})
	}
}

// open opens the sockets of so many flows. Flow i belongs to thread i modulo
// their number, on both ends.
func (w *exchange) open(flows int, tcp bool) (err error) {
	for i, h := range w.ends {
		if w.stacks[i], err = h.NS.Losses(); err != nil {
			return err
		}
	}
	add := func(ends []*stream.End, c *stream.Conn, err error) error {
		if err == nil {
			ends[c.Flow%len(ends)].Add(c)
		}
		return err
	}
	for i, end := range [][]*stream.End{w.speakers, w.listeners} {
		here, there := w.ends[i], w.ends[1-i]
		err := here.NS.Do(func() (err error) {
			if tcp && i == 1 {
				const backlog = 128
				w.listener, err = stream.Listen(here.Addr, backlog)
				return err
			}
			for flow := range flows {
				var c *stream.Conn
				if tcp {
					c, err = stream.Socket(here.Addr, flow)
				} else {
					c, err = stream.Datagrams(here.Addr, there.Addr, flow)
				}
				if err := add(end, c, err); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// progress adds up what ends have done.
func progress(ends []*stream.End) (sum stream.Counts) {
	for _, s := range ends {
		p := s.Progress()
		sum.Calls += p.Calls
		sum.Bytes += p.Bytes
		sum.Sent += p.Sent
		sum.Received += p.Received
		sum.PushedBack += p.PushedBack
		sum.Transactions += p.Transactions
		sum.Lost += p.Lost
	}
	return sum
}

// lateOf is how much later than on a perfect link answers may come: a round trip of the link, and
// over TCP a few times that a packet is sent again.
func lateOf(s spec.Spec) time.Duration {
	const again = 3 * time.Second
	late := 2 * s.RoundTrip()
	if s.Gen != spec.GenUDPRR && s.Drop > 0 {
		late += again
	}
	return late
}
