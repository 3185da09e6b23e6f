package export

import (
	"fmt"
	"strings"
	"testing"

	"tunbench/reports/advice"
	asked "tunbench/reports/curve"
	"tunbench/reports/document"
	"tunbench/reports/document/advise"
	"tunbench/reports/document/compare"
	"tunbench/reports/document/curve"
	"tunbench/reports/document/history"
	"tunbench/reports/document/kernels"
	"tunbench/reports/document/run"
	"tunbench/reports/document/watch"
	"tunbench/reports/fixture"
	"tunbench/reports/live"
	"tunbench/reports/record"
	"tunbench/reports/series"
	"tunbench/reports/verdict"
	"tunbench/reports/watched"
)

// kindsOfPages is a page of each kind, with as much on it as a long run has.
func kindsOfPages(t *testing.T) map[string]document.Document {
	t.Helper()
	base, next := manyScenarios(), manyScenarios()
	for i := range next.Trials {
		next.Trials[i].Metrics = map[string]float64{}
		for name, v := range base.Trials[i].Metrics {
			next.Trials[i].Metrics[name] = v * []float64{0.8, 1, 1.3}[len(base.Trials[i].Scenario)%3]
		}
	}
	story := history.New(checkOf(t, storyRuns(), series.Options{}))
	pages := map[string]document.Document{
		"run":     run.New(manyScenarios()),
		"curves":  run.New(fixture.Curves()),
		"compare": compare.New(compared(t, base, next, verdict.Options{})).Document(),
		"ab":      compare.New(abComparison(t)).Document(),
		"kernels": kernels.New(verdict.NewLab(kernelVariants()["kernels-three"])).Document(),
		"history": story.Document(),
		"advise":  advise.New(longAdvice()),
		"watch":   watch.New(longWatch(), []string{"00:12: the device went down"}, document.SourceOf(base.Run)),
	}
	for i, p := range history.Site(story) {
		pages[fmt.Sprintf("site-%d", i)] = p.Document
	}
	for name, s := range studyVariants() {
		pages[name] = s.Document()
	}
	long := document.Document{Title: "many charts"}
	for _, p := range story.Document().Pictures()[:1] {
		for range 30 {
			long.Sections = append(long.Sections, document.Section{Heading: "pps", Sub: true, Blocks: []document.Block{p, p, p}})
		}
	}
	pages["long"] = long
	ask, err := asked.ParseAsk("x=size,y=bit_per_s,by=vnet,io=read,load=max")
	if err != nil {
		t.Fatal(err)
	}
	if pages["plot"], err = curve.Plots(fixture.Curves(), []asked.Ask{ask}); err != nil {
		t.Fatal(err)
	}
	return pages
}

// manyScenarios is a run with about as many scenarios as one of the default suite has, which
// differ in all respects.
func manyScenarios() *record.File {
	f := fixture.Ways()
	for _, more := range []*record.File{fixture.Synthetic(), fixture.Curves()} {
		f.Trials = append(f.Trials, more.Trials...)
	}
	return f
}

// longAdvice is a recommendation with each kind of section.
func longAdvice() *advice.Advice {
	ratio := func(v float64) advice.Ratio {
		return advice.Ratio{Value: v, CI: &[2]float64{v * 0.98, v * 1.02}, N: 16}
	}
	use, plain := "vnet=10 offload=uso queues=1 io=read", "vnet=off offload=none queues=1 io=read"
	traffic := []string{"mode=tun dir=k2u gen=packet-gso size=1500 flows=8", "mode=tun dir=k2u gen=udp-gso size=1500 flows=8"}
	a := &advice.Advice{
		Kind: advice.KindAdvice, Topic: "vpn", About: "a VPN", Started: "2026-01-02T03:04:05Z", Kernel: "6.18.0", CPU: "a CPU", CPUs: 2,
		Traffic: traffic, PlainName: "plain reads", Verdict: advice.Better, Candidates: 40, Dropped: 30, Finals: 16, Blocks: 20, Trials: 900,
		Use:   advice.Candidate{Words: use, PPS: []float64{7e6, 6e6}, CPU: []float64{276, 318}, Axes: map[string]string{"mode": "tun", "gen": "packet-gso", "vnet": "10", "offload": "uso"}},
		Plain: advice.Candidate{Words: plain, PPS: []float64{9e5, 9.1e5}, CPU: []float64{2241, 2194}, Axes: map[string]string{"mode": "tun", "gen": "packet-gso"}},
		Equal: []string{"vnet=12 offload=uso", "io=uring"}, BudgetNs: 3e11, SpentNs: 3e11,
		Lacks:   []advice.Lack{{What: []string{"vnet=24 offload=tunnel"}, Reason: record.Unsupported, Detail: "set offloads of tun0 to tunnel: TUNSETOFFLOAD: invalid argument"}},
		Knocked: []advice.Dropped{{Candidate: plain + " txqlen=5000", By: use, Block: 3, Ratio: 0.13}},
	}
	compare := func(role, choice, label, before string, v float64, verdict string) {
		c := advice.Comparison{Role: role, Choice: choice, New: use, Base: plain, Label: label, Before: before, PPS: ratio(v), CPU: ratio(1 / v), Verdict: verdict,
			AB: []string{"tunbench ab --a 'vnet=off offload=none' --b 'vnet=10 offload=uso' --set gen=packet-gso --set flows=8 --set size=1500"}}
		for _, of := range traffic {
			c.ByTraffic = append(c.ByTraffic, advice.OfTraffic{Traffic: of, PPS: c.PPS, CPU: c.CPU})
		}
		a.Comparisons = append(a.Comparisons, c)
		if role == advice.Gain {
			a.Gain = &c
		}
	}
	compare(advice.Gain, "", use, plain, 7.5, advice.Better)
	compare(advice.Step, "header and offload", "vnet=10 offload=uso", "vnet=off", 7.5, advice.Better)
	for i := range 12 {
		compare(advice.Change, "I/O", fmt.Sprintf("io=uring txqlen=%d", 500*(i+1)), "io=read", 1.1, advice.Worse)
	}
	for _, words := range []string{plain, "vnet=10 offload=tso", use} {
		a.Bars = append(a.Bars, advice.Bar{Words: words, PPS: ratio(float64(len(words)))})
	}
	return a
}

// longWatch is what was seen of a device with many queues.
func longWatch() *watched.Sum {
	var sum watched.Sum
	vnet, ns := 12, func(v uint64) *uint64 { return &v }
	for second := range int64(60) {
		w := live.Watch{
			TNs: (1767323045 + second) * 1e9, IntervalNs: 1e9, Hook: "kprobe", SampleEvery: 16,
			Device: live.Device{
				Device: record.Device{Name: "tun0", Qdisc: "fq_codel", TxQLen: 500, MTU: 1500}, VnetHdrSz: &vnet, Mode: "tun", Netns: "vpn", Queues: 12, Carrier: true,
				Owners: []live.Owner{{PID: 4711, Comm: "openvpn", FD: 6}, {PID: 4711, Comm: "openvpn", FD: 7}},
			},
			Dropped: map[string]uint64{"FULL_RING": 1200}, RecvDropped: map[string]uint64{"SOCKET_RCVBUFF": 30},
			GSO:     []live.GSO{{Dir: "k2u", Type: "tcp4", SKBs: 900, Pkts: 40000}, {Dir: "u2k", Type: "udp", SKBs: 900, Pkts: 40000}},
			Latency: map[string]record.Latency{record.Residency: {Count: 100, MinNs: 1000, MaxNs: 9e6, P50Ns: ns(41000), P99Ns: ns(240000), Buckets: [][2]uint64{{1000, 50}, {40960, 50}}}},
			Cost:    &live.Cost{PPSChange: -0.012, CI: [2]float64{-0.021, -0.004}, Pairs: 9},
			Missed:  3,
		}
		for i := range 12 {
			q := live.Queue{Queue: record.Queue{Queue: i, ReadPkts: uint64(1000 * (int64(i) + second)), ReadBytes: uint64(1400000 * (i + 1)), RecvPkts: 50, RecvBytes: 5000, DropPkts: 12}}
			q.Residency = &record.Latency{P50Ns: ns(41000), P99Ns: ns(240000)}
			q.Depth = &record.Depth{Max: 500}
			w.Queues = append(w.Queues, q)
		}
		sum.Add(w)
	}
	return &sum
}

// A page of each kind has tables, charts and words.
func TestKindsOfPages(t *testing.T) {
	for name, d := range kindsOfPages(t) {
		page := pageOf(t, d)
		if !strings.HasPrefix(name, "site-") { // whose pages link to each other
			checkPage(t, page)
		}
		if name != "study-empty" && !strings.Contains(page, "<svg class=\"chart narrow\"") && !strings.Contains(page, "<table") {
			t.Errorf("%s has neither a chart nor a table", name)
		}
	}
}
