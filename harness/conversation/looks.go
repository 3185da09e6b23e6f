package conversation

import "tunbench/reports/record"

// looks are what TCP said of the way to the other host, each time that it was asked while it
// was measured. One look would not do: within a trial the round trip of streams that fill a
// queue changes by a factor of ten. A look after the end would be of a queue that empties.
type looks struct {
	rtts, vars, cwnds []uint64 // ns and segments; medians of the streams, one for each look
}

// look asks the streams of the ends that send payload: those that begin, and with answered the
// others too. It asks no more streams than are asked for their segments.
func (l *looks) look(all []*exchange, answered bool) error {
	var rtts, vars, cwnds []uint64
	left := mostAsked
	for _, w := range all {
		for i, peers := range w.peers {
			if i == 1 && !answered {
				continue
			}
			peers = peers[:min(len(peers), left)]
			left -= len(peers)
			for _, p := range peers {
				now, err := p.conn.Info()
				if err != nil {
					return err
				}
				rtts = append(rtts, uint64(now.RTT))
				vars = append(vars, uint64(now.RTTVar))
				cwnds = append(cwnds, uint64(now.Cwnd))
			}
		}
	}
	l.rtts = append(l.rtts, middle(rtts))
	l.vars = append(l.vars, middle(vars))
	l.cwnds = append(l.cwnds, middle(cwnds))
	return nil
}

// describe fills in the medians of all looks.
func (l *looks) describe(t *record.TCP) {
	t.RTTNs, t.RTTVarNs, t.Cwnd = middle(l.rtts), middle(l.vars), middle(l.cwnds)
}
