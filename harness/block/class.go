package block

import (
	"fmt"
	"strings"

	"tunbench/reports/record"
)

// class is the members of a block that share a yardstick.
type class struct {
	key       string
	kind      string  // of the yardstick
	yardstick *member // nil without one
	members   []*member
	judged    record.Trial          // of the yardstick
	sums      map[int]record.Window // of the yardstick's windows, by round
}

func (c *class) add(m *member) {
	m.class = c
	c.members = append(c.members, m)
}

// programs names what observes the first of the class that is observed.
func (c *class) programs() string {
	for _, m := range c.members {
		if m.observed {
			return m.programs
		}
	}
	return ""
}

// followed reports whether there is a yardstick that is measured.
func (c *class) followed() bool { return c.yardstick != nil && c.yardstick.err == nil }

// align takes the windows of a round back if the yardstick has none in it: from all of
// its windows CPU time was stolen.
func (c *class) align(round int) {
	if !c.followed() || c.yardstick.lastKept() == round {
		return
	}
	for _, m := range c.members {
		if m.err == nil && m.lastKept() == round {
			last := len(m.kept) - 1
			m.kept, m.spare = m.kept[:last], append(m.spare, m.kept[last])
		}
	}
}

// windows adds up the yardstick's windows of each round, once all are measured.
func (c *class) windows() map[int]record.Window {
	if c.sums != nil || c.yardstick == nil {
		return c.sums
	}
	c.sums = map[int]record.Window{}
	for _, t := range c.yardstick.kept {
		sum := c.sums[t.round]
		sum.TNs, sum.Pkts, sum.Bytes = sum.TNs+t.Ns, sum.Pkts+t.Pkts, sum.Bytes+t.Bytes
		c.sums[t.round] = sum
	}
	return c.sums
}

// rate is that of the yardstick in a round, in packets/ns; 0 if it is not known.
func (c *class) rate(round int) float64 {
	if c == nil {
		return 0
	}
	w := c.windows()[round]
	if w.TNs == 0 {
		return 0
	}
	return float64(w.Pkts) / float64(w.TNs)
}

// describe adds the yardstick to the trial of a member, or says why it has none.
func (c *class) describe(t *record.Trial, m *member) {
	if m.err != nil || c.yardstick == nil {
		return
	}
	if why := c.fault(); why != "" {
		t.Notes = append(t.Notes, "without a yardstick: "+why)
		return
	}
	y := record.Yardstick{Kind: c.kind}
	var sum record.Window
	for _, turn := range m.kept {
		w := c.windows()[turn.round]
		sum.TNs, sum.Pkts, sum.Bytes = sum.TNs+w.TNs, sum.Pkts+w.Pkts, sum.Bytes+w.Bytes
		w.TNs, w.Round = sum.TNs, turn.round
		y.Windows = append(y.Windows, w)
	}
	if sum.Pkts == 0 {
		t.Notes = append(t.Notes, "without a yardstick: nothing was delivered over loopback")
		return
	}
	y.PPS, y.BitPerS = 1e9*float64(sum.Pkts)/float64(sum.TNs), 8e9*float64(sum.Bytes)/float64(sum.TNs)
	t.Yardstick = &y
	t.Metrics[record.LoopbackRatio] = t.Metrics[record.PPS] / y.PPS
}

// fault says why the yardstick cannot be used; "" if it can.
func (c *class) fault() string {
	if err := c.yardstick.err; err != nil {
		return err.Error()
	}
	if c.judged.Invalid() {
		return fmt.Sprintf("its trial is invalid (%s): %s", strings.Join(c.judged.Flags, ", "), strings.Join(c.judged.Notes, "; "))
	}
	return ""
}
