package reports

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// flowMap is on which queues the flows of a scenario came out. A socket may get
// another hash in each trial, so that trials are not summed up.
type flowMap struct {
	flows  []int
	queues int
	trials []spreadOfFlows // bare ones first
	jain   float64         // of the packets, median of the trials
	one    float64         // share of the flows seen on one queue only, median
}

// spreadOfFlows is packets by flow, by queue, of one trial.
type spreadOfFlows map[int]map[int]uint64

// flowMap is false where no flow tells its queue.
func (s *scenario) flowMap() (flowMap, bool) {
	var m flowMap
	var jains, ones []float64
	all := map[int]bool{}
	for _, t := range s.all() {
		pkts := spreadOfFlows{}
		for _, f := range t.Flows {
			for queue, n := range f.Queues {
				if queue < 0 || queue >= mostQueues || n == 0 {
					continue
				}
				if pkts[f.Flow] == nil {
					pkts[f.Flow] = map[int]uint64{}
				}
				pkts[f.Flow][queue] += n
				m.queues = max(m.queues, queue+1)
				all[f.Flow] = true
			}
		}
		if len(pkts) == 0 {
			continue
		}
		m.trials = append(m.trials, pkts)
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
	m.flows = slices.Sorted(maps.Keys(all))
	if v, err := stat.Summarize(jains); err == nil {
		m.jain = v.Median
	}
	m.one = -1
	if v, err := stat.Summarize(ones); err == nil {
		m.one = v.Median
	}
	return m, len(m.trials) > 0 && m.queues > 1
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
// mentioning, in the trial that has most of them.
func (m flowMap) moved() (most int) {
	const worth = 0.01
	for _, trial := range m.trials {
		n := 0
		for _, byQueue := range trial {
			on := 0
			for _, pkts := range byQueue {
				if float64(pkts) >= worth*float64(sum(byQueue)) {
					on++
				}
			}
			if on > 1 {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// alike is the share of the flows that came out of the same queue in all trials;
// false of a single trial.
func (m flowMap) alike() (share float64, ok bool) {
	if len(m.trials) < 2 {
		return 0, false
	}
	n := 0
	for _, flow := range m.flows {
		first, same := m.trials[0].main(flow), true
		for _, trial := range m.trials[1:] {
			same = same && trial.main(flow) == first
		}
		if same {
			n++
		}
	}
	return float64(n) / float64(len(m.flows)), true
}

// main is the queue that brought most of a flow; -1 if none did.
func (s spreadOfFlows) main(flow int) int {
	queue, most := -1, uint64(0)
	for _, q := range slices.Sorted(maps.Keys(s[flow])) {
		if n := s[flow][q]; n > most {
			queue, most = q, n
		}
	}
	return queue
}

func sum(byQueue map[int]uint64) (total uint64) {
	for _, n := range byQueue {
		total += n
	}
	return total
}

func flowQueues(list []*scenario) (section, bool) {
	title := titles(list)
	t := table{
		columns: slices.Concat(text("scenario"), numeric("flows", "queues", "one queue %", "moved", "alike %", "Jain", "by chance", "trials")),
		note: say("From the readers of each queue. ", bold("one queue"), ": share of the flows that one queue alone brought, median over the trials. ",
			bold("moved"), ": flows of which a hundredth or more came out of a second queue, in the trial that had most of them. ",
			bold("alike"), ": share of the flows that came out of the same queue in every trial; sockets may get another hash in each. ",
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
		alike := absent
		if share, ok := m.alike(); ok {
			alike = percent(share)
		}
		t.rows = append(t.rows, row(title(s), len(m.flows), m.queues, one, m.moved(), alike, decimals(m.jain, 3), decimals(m.byChance(), 3), len(m.trials)))
		if len(m.flows) <= mostHeatFlows && m.queues <= mostHeatQueues {
			panels = append(panels, flowPanel(m, title(s)))
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
				title: "Flows by queue", desc: "One panel a scenario, one column a flow, one row a queue; the darker, the larger the share of the flow's packets, in the first trial.", panels: part,
			},
		})
	}
	return sec, true
}

// panel draws the first trial of m: the share of each flow on each queue.
func flowPanel(m flowMap, title string) heatPanel {
	p := heatPanel{title: title, note: fmt.Sprintf("%s, Jain %s, by chance %s", plural(len(m.flows), "flow", "flows"), decimals(m.jain, 3), decimals(m.byChance(), 3)), rows: m.queues}
	for _, flow := range m.flows {
		byQueue := m.trials[0][flow]
		total := sum(byQueue)
		column := heatColumn{name: strconv.Itoa(flow), share: make([]float64, m.queues), total: count(total)}
		for queue, n := range byQueue {
			column.share[queue] = float64(n) / float64(total)
		}
		p.columns = append(p.columns, column)
	}
	return p
}
