package reports

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// flowMap is on which queues the flows of a scenario came out, summed over the
// trials of the headline's arm, or of the observed one.
type flowMap struct {
	flows  []int
	queues int
	pkts   map[int]map[int]uint64 // by flow, by queue
	jain   float64                // of the packets, median of the trials
	one    float64                // share of the flows seen on one queue only, median
	trials int
}

// flowMap is false where no flow tells its queue.
func (s *scenario) flowMap() (flowMap, bool) {
	m := flowMap{pkts: map[int]map[int]uint64{}}
	var jains, ones []float64
	for _, t := range s.all() {
		seen := false
		for _, f := range t.Flows {
			for queue, n := range f.Queues {
				if queue < 0 || queue >= mostQueues {
					continue
				}
				if m.pkts[f.Flow] == nil {
					m.pkts[f.Flow] = map[int]uint64{}
				}
				m.pkts[f.Flow][queue] += n
				m.queues = max(m.queues, queue+1)
				seen = true
			}
		}
		if !seen {
			continue
		}
		m.trials++
		if v, ok := t.Metrics[record.Jain]; ok {
			jains = append(jains, v)
		}
		if v, ok := t.Metrics[record.FlowConsistency]; ok {
			ones = append(ones, v)
		}
		if n, err := strconv.Atoi(axisOf(t, "queues")); err == nil && n < mostQueues {
			m.queues = max(m.queues, n)
		}
	}
	m.flows = slices.Sorted(maps.Keys(m.pkts))
	if sum, err := stat.Summarize(jains); err == nil {
		m.jain = sum.Median
	}
	m.one = -1
	if sum, err := stat.Summarize(ones); err == nil {
		m.one = sum.Median
	}
	return m, m.trials > 0 && m.queues > 1
}

// mostQueues is MAX_TAP_QUEUES of drivers/net/tun.c.
const mostQueues = 256

// byChance is the Jain index that hashing at random gives so many flows of the
// same rate: the expected sum of squares of a multinomial is F + F(F-1)/Q, and
// the index F^2 over Q times that.
func (m flowMap) byChance() float64 {
	f, q := float64(len(m.flows)), float64(m.queues)
	return f / (f + q - 1)
}

// moved counts the flows of which more than one queue saw a share worth
// mentioning.
func (m flowMap) moved() (n int) {
	const worth = 0.01
	for _, byQueue := range m.pkts {
		var total uint64
		for _, pkts := range byQueue {
			total += pkts
		}
		on := 0
		for _, pkts := range byQueue {
			if float64(pkts) >= worth*float64(total) && pkts > 0 {
				on++
			}
		}
		if on > 1 {
			n++
		}
	}
	return n
}

func flowQueues(list []*scenario) (section, bool) {
	title := titles(list)
	t := table{
		columns: slices.Concat(text("scenario"), numeric("flows", "queues", "one queue %", "moved", "Jain", "by chance", "trials")),
		note: say("From the readers of each queue. ", bold("one queue"), ": share of the flows that one queue alone brought, median over the trials. ",
			bold("moved"), ": flows of which a hundredth or more came out of a second queue, in all trials together. ",
			bold("Jain"), ": of the packets over the queues. ", bold("by chance"), ": what hashing at random gives so many flows of one rate, F / (F + Q − 1)."),
	}
	var panels []heatPanel
	for _, s := range list {
		m, ok := s.flowMap()
		if !ok {
			continue
		}
		one := absent
		if m.one >= 0 {
			one = percent(m.one)
		}
		t.rows = append(t.rows, row(title(s), len(m.flows), m.queues, one, m.moved(), decimals(m.jain, 3), decimals(m.byChance(), 3), m.trials))
		if len(m.flows) <= mostHeatFlows && m.queues <= mostHeatQueues {
			panels = append(panels, m.panel(title(s)))
		}
	}
	if len(t.rows) == 0 {
		return section{}, false
	}
	sec := section{heading: "Flows by queue", blocks: []block{t.folded("Flows by queue")}}
	for i, part := range slices.Collect(slices.Chunk(panels, heatsAChart)) {
		sec.blocks = append(sec.blocks, picture{
			file: numbered("flows", i), alt: "Flows by queues, one panel a scenario: the darker, the larger the share of a flow's packets that came out of that queue",
			chart: heatChart{
				title: "Flows by queue", desc: "One panel a scenario, one column a flow, one row a queue; the darker, the larger the share of the flow's packets.", panels: part,
			},
		})
	}
	return sec, true
}

// panel draws m: the share of each flow on each queue.
func (m flowMap) panel(title string) heatPanel {
	p := heatPanel{title: title, note: fmt.Sprintf("%d flows, Jain %s, by chance %s", len(m.flows), decimals(m.jain, 3), decimals(m.byChance(), 3)), rows: m.queues}
	for _, flow := range m.flows {
		var total uint64
		for _, n := range m.pkts[flow] {
			total += n
		}
		column := heatColumn{name: strconv.Itoa(flow), share: make([]float64, m.queues)}
		for queue, n := range m.pkts[flow] {
			if total > 0 {
				column.share[queue] = float64(n) / float64(total)
			}
		}
		column.total = count(total)
		p.columns = append(p.columns, column)
	}
	return p
}
