package reports

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tunbench/reports/record"
	"tunbench/reports/stat"
)

// newDocument computes the report of f.
func newDocument(f *record.File) document {
	list, common := scenarios(f)
	d := document{title: "tunbench: TUN/TAP on Linux " + cmp.Or(f.Run.Host.Kernel, unknownKernel(f.Run))}
	d.alerts = alerts(f)
	d.lead = lead(f, list)
	if len(list) == 0 {
		d.lead = append(d.lead, say(" Nothing was measured.")...)
	} else {
		d.points = points(f, list)
		d.sections = append(d.sections, throughput(list, common, f)...)
		add := func(parts ...func([]*scenario) (section, bool)) {
			for _, part := range parts {
				if sec, ok := part(list); ok {
					d.sections = append(d.sections, sec)
				}
			}
		}
		d.sections = append(d.sections, beside(list)...)
		add(directions, conversations, queues, flowQueues, written, headers, hops, latencies)
		d.sections = append(d.sections, limit(list)...)
		add(drops, observerCost, accounting, flagged)
	}
	if sec, ok := searches(f, list, common); ok {
		d.sections = append(d.sections, sec)
	}
	if len(f.Skips) > 0 {
		d.sections = append(d.sections, skipped(f.Skips))
	}
	if sec, ok := shards(f, list); ok {
		d.sections = append(d.sections, sec)
	}
	d.sections = append(d.sections, observer(f, list), host(f, list))
	return d
}

func alerts(f *record.File) (a []prose) {
	if f.End == nil {
		a = append(a, say(bold("This run was interrupted."), " The file has no end record: what was finished is shown, the rest of the plan was not measured."))
	} else if f.End.Exit == 2 {
		a = append(a, say(bold("tunbench failed in this run"), " (exit 2): look at what was skipped, and why."))
	}
	if n := len(f.Resumes); n > 0 {
		last := f.Resumes[n-1]
		a = append(a, say(fmt.Sprintf("This run was interrupted and gone on with: the last time at %s, when it had %s.", clock(last.Started), plural(last.Trials, "trial", "trials"))))
	}
	for _, w := range slices.Concat(f.Warnings, shardWarnings(f.Run)) {
		a = append(a, say(w, "."))
	}
	for _, fault := range floorFaults(f.Run) {
		a = append(a, say(bold("The floor of this run was disturbed"), " ("+fault+"): a copy of more bytes cannot cost less, nor a small one that much. No ratio to the floor is shown."))
	}
	return a
}

func lead(f *record.File, list []*scenario) prose {
	r := f.Run
	var modes []string
	for _, mode := range modesOf(list) {
		n := 0
		for _, s := range list {
			if s.mode == mode {
				n++
			}
		}
		modes = append(modes, fmt.Sprintf("%d %s", n, mode))
	}
	p := say(bold(plural(len(list), "scenario", "scenarios")))
	if len(modes) > 0 {
		p = append(p, say(" ("+strings.Join(modes, ", ")+")")...)
	}
	p = append(p, say(" of suite ", mono(cmp.Or(r.Suite, "unnamed")), " on ", bold("Linux "+cmp.Or(r.Host.Kernel, unknownKernel(r))),
		" ("+strings.Join(nonEmpty(r.Host.Arch, cpusOf(r), virtual(r.Host.Virt)), ", ")+")")...)
	if n := len(r.Parts); n > 0 {
		_, hosts := machines(r)
		p = append(p, say(", merged of ", bold(plural(n, "shard", "shards")), " from ", bold(plural(hosts, "host", "hosts")))...)
	}
	if r.Started != "" {
		p = append(p, say(", started "+clock(r.Started))...)
	}
	if f.End != nil {
		if d, ok := elapsed(r.Started, f.End.Ended); ok {
			p = append(p, say(", finished after "+d.String())...)
		}
	}
	p = append(p, say(".")...)

	var ns []float64
	pairs, bare := 0, 0
	for _, s := range list {
		for _, t := range s.all() {
			ns = append(ns, float64(t.DurationNs))
			pairs = max(pairs, t.Pair)
		}
		bare += len(s.bare.all)
	}
	if sum, err := stat.Summarize(ns); err == nil {
		p = append(p, say(" "+plural(len(ns), "trial", "trials")+" of "+duration(sum.Median)+", "+plural(pairs, "pair", "pairs")+" a scenario at most.")...)
	}
	switch r.Hook.Used {
	case "", "none":
		p = append(p, say(" No observer was attached.")...)
	case record.HookMixed:
		p = append(p, say(" The shards looked into the kernel by different hooks.")...)
	default:
		p = append(p, say(" The observer looked into the kernel through ", mono(r.Hook.Used))...)
		if bare > 0 {
			p = append(p, say("; headline figures are from the bare trials, without it")...)
		}
		p = append(p, say(".")...)
	}
	p = append(p, say(" Clock: ", mono(cmp.Or(r.Clock, "unknown")), ". Made by tunbench ", mono(cmp.Or(r.Tool.Version, "of unknown version")))...)
	if r.Tool.Commit != "" {
		p = append(p, say(" (", mono(r.Tool.Commit), ")")...)
	}
	p = append(p, say(".")...)
	if s := r.Shard; s != nil {
		p = append(p, say(" This is ", bold(s.String()), ": the plan has "+plural(s.Scenarios, "scenario", "scenarios")+".")...)
	}
	return p
}

func unknownKernel(r *record.Run) string {
	if len(r.Parts) > 1 {
		return "of several releases"
	}
	return "of unknown release"
}

func cpusOf(r *record.Run) string {
	if len(r.Parts) > 1 && (r.Host.CPU == "" || r.Host.CPUs == 0) {
		return "different CPUs"
	}
	return cpus(r.Host)
}

func cpus(h record.Host) string {
	name := cmp.Or(h.CPU, "CPU of unknown name")
	if h.CPUs > 0 {
		return fmt.Sprintf("%d × %s", h.CPUs, name)
	}
	return name
}

func virtual(v string) string {
	switch v {
	case "":
		return ""
	case "none":
		return "bare metal"
	}
	return "virtual machine: " + v
}

func nonEmpty(s ...string) []string {
	return slices.DeleteFunc(s, func(v string) bool { return v == "" })
}

// modesOf gives the modes in the order of the scenarios.
func modesOf(list []*scenario) (modes []string) {
	for _, s := range list {
		if !slices.Contains(modes, s.mode) {
			modes = append(modes, s.mode)
		}
	}
	return modes
}

// titles gives what to call the scenarios in a table or chart: with the mode
// if there is more than one.
func titles(list []*scenario) func(*scenario) string {
	if len(modesOf(list)) > 1 {
		return (*scenario).full
	}
	return func(s *scenario) string { return s.label }
}

// short reports whether the figures of s rest on a trial that measured for too
// short a time to be quoted.
func short(s *scenario) bool { return slices.ContainsFunc(s.head().all, (*record.Trial).TooShort) }

// named gives what to call the scenarios in a sentence, where no list of common
// axes stands beside it: a label that says nothing alone is replaced by all axes.
func named(list []*scenario) func(*scenario) string {
	title := titles(list)
	return func(s *scenario) string {
		if mode, axes := split(s.name); strings.HasPrefix(s.label, atDefaults) && len(axes) > 0 {
			return mode + " " + strings.Join(axes, " ") + s.where
		}
		return title(s)
	}
}

func points(f *record.File, list []*scenario) (p []prose) {
	title := named(list)
	best := func(metric string) (top *scenario, v float64) {
		for _, s := range list {
			if m, ok := s.head().metric(metric); ok && !s.head().invalid && !short(s) && m.Median > v {
				top, v = s, m.Median
			}
		}
		return top, v
	}
	if s, v := best(record.PPS); s != nil {
		sc := rateScale(v)
		p = append(p, say("Most packets: ", bold(sc.format(v)+" "+sc.unit), " with ", mono(title(s)), "."))
	}
	if s, v := best(record.BitPerS); s != nil {
		p = append(p, say("Most data: ", bold(figure(v/1e9)+" Gbit/s"), " with ", mono(title(s)), "."))
	}
	if brief := slices.DeleteFunc(slices.Clone(list), func(s *scenario) bool { return !short(s) }); len(brief) > 0 {
		p = append(p, say(fmt.Sprintf("Nothing is quoted of %s, with trials that measured for less than %v.",
			plural(len(brief), "scenario", "scenarios"), time.Duration(record.LeastMeasureNs))))
	}
	if c := allCosts(list); len(c) > 0 {
		if sum, err := stat.Summarize(c); err == nil {
			p = append(p, say("The observer changed the packet rate by ", bold(change(sum.Median)), " (median of "+plural(sum.N, "pair", "pairs")+")."))
		}
	}
	if line := sees(f.Run.Sees); len(line) > 0 {
		p = append(p, line)
	}
	p = append(p, append(say("Accounting: "), ledgerLine(account(allTrials(list)))...))
	trials := allTrials(list)
	marked, dead := 0, 0
	for _, t := range trials {
		if len(t.Flags) > 0 {
			marked++
		}
		if t.Invalid() {
			dead++
		}
	}
	if marked > 0 {
		line := say(fmt.Sprintf("%d of %s flagged", marked, plural(len(trials), "trial is", "trials are")))
		if dead > 0 {
			line = append(line, say(", ", bold(fmt.Sprintf("%d of them invalid", dead)))...)
		}
		p = append(p, append(line, say(".")...))
	}
	arms := 0
	for _, s := range f.Skips {
		if s.Arm != "" {
			arms++
		}
	}
	if n := len(f.Skips) - arms; n > 0 {
		p = append(p, say(plural(n, "scenario was", "scenarios were")+" skipped."))
	}
	if arms > 0 {
		p = append(p, say(plural(arms, "scenario was", "scenarios were")+" measured bare only: the observer cannot see what passes there."))
	}
	return p
}

// seesOrder are the metrics that verdicts are about, in the order in which they
// are told.
var seesOrder = []string{record.PPS, record.BitPerS, record.CPUNsPerPkt, "p50", "p99", record.PDRPPS, record.Loss, record.Jain}

// sees tells how small a change this host can show at all, as far as A/A runs
// told; nothing where there was none.
func sees(smallest map[string]float64) prose {
	used, coarse := map[string]float64{}, map[string]float64{}
	for metric, v := range smallest {
		if usableSight(metric, v) {
			used[metric] = v
		} else {
			coarse[metric] = v
		}
	}
	p := sizes(used)
	if len(p) > 0 {
		p = say("This host can see changes of ", p, "; smaller ones are lost in its noise, as A/A runs of equal variants showed.")
	}
	if c := sizes(coarse); len(c) > 0 {
		if len(p) > 0 {
			p = append(p, say(" ")...)
		}
		p = append(p, say("An A/A run on a disturbed host could see only ", c, ", which is more than "+strconv.Itoa(coarsestSight)+" times the threshold and is not used.")...)
	}
	return p
}

// SightText tells how small changes an A/A run could see: "2.1 % in pps, 0.04
// points in loss".
func SightText(smallest map[string]float64) string { return plainText(sizes(smallest)) }

// sizes lists changes of metrics.
func sizes(smallest map[string]float64) (p prose) {
	names := slices.Clone(seesOrder)
	for _, metric := range slices.Sorted(maps.Keys(smallest)) {
		if !slices.Contains(names, metric) {
			names = append(names, metric)
		}
	}
	for _, metric := range names {
		v, ok := smallest[metric]
		if !ok || !(v >= 0) {
			continue
		}
		size := percent(v) + " %"
		switch {
		case metric == record.Loss:
			size = percent(v) + " points"
		case metric == record.Jain:
			size = figure(v)
		case v >= 0.001 && v < 1:
			size = decimals(100*v, 1) + " %"
		}
		if len(p) > 0 {
			p = append(p, say(", ")...)
		}
		p = append(p, say(bold(size), " in "+metric)...)
	}
	return p
}

func allTrials(list []*scenario) (all []*record.Trial) {
	for _, s := range list {
		all = append(all, s.all()...)
	}
	return all
}

func allCosts(list []*scenario) (all []float64) {
	for _, s := range list {
		all = append(all, s.costs()...)
	}
	return all
}

// change gives a ratio as a signed change in per cent.
func change(ratio float64) string { return signedPercent(ratio) + " %" }

// changes gives two ratios as signed changes in per cent.
func changes(low, high float64) string {
	return signedPercent(low) + " to " + signedPercent(high) + " %"
}

func signedPercent(ratio float64) string {
	s := decimals(100*(ratio-1), 1)
	switch {
	case s == "−0.0":
		return "0.0"
	case ratio > 1 && s != "0.0":
		return "+" + s
	}
	return s
}

func ledgerLine(l ledger) prose {
	p := say(fmt.Sprintf("%s packets offered = %s accepted + %s pushed back; accepted = %s delivered + %s dropped + ",
		count(l.offered), count(l.accepted), count(l.pushedBack), count(l.delivered), count(l.dropped)),
		bold(signed(l.net)+" unexplained"), ".")
	if l.open > 0 {
		p = append(p, say(" ", bold("Unaccounted packets: "+count(l.unexplained)+" in "+plural(l.open, "trial", "trials")), ".")...)
	}
	if l.contradicting > 0 {
		p = append(p, say(" ", bold(plural(l.contradicting, "trial does", "trials do")+" not add up"), ".")...)
	}
	return p
}

func throughput(list []*scenario, common []string, f *record.File) []section {
	top := 0.0
	skbs, observedOnly, out := false, false, false
	for _, s := range list {
		if m, ok := s.head().metric(record.PPS); ok {
			top = max(top, m.Median)
			if k, ok := s.head().metric(record.SKBPS); ok && (k.Median < 0.995*m.Median) {
				skbs = true
			}
		}
		observedOnly = observedOnly || len(s.bare.all) == 0
		out = out || s.head().invalid
	}
	sc := rateScale(top)

	first := section{heading: "Throughput"}
	if len(common) > 0 {
		p := say("All scenarios have ")
		for i, a := range common {
			if i > 0 {
				p = append(p, say(", ")...)
			}
			p = append(p, mono(a))
		}
		first.blocks = append(first.blocks, append(p, say(". An axis that is not named is at its default.")...))
	}
	rates := ratesOf(list)
	where := intervalColumn(slices.Collect(maps.Values(rates))...)
	secs := []section{first}
	for i, mode := range modesOf(list) {
		var own []*scenario
		for _, s := range list {
			if s.mode == mode {
				own = append(own, s)
			}
		}
		t := headline(own, sc, skbs, where)
		sec := section{heading: cmp.Or(mode, "Other"), sub: true, blocks: []block{t}}
		for _, pic := range throughputCharts(i, mode, own, sc) {
			sec.blocks = append(sec.blocks, pic)
		}
		secs = append(secs, sec)
	}
	notes := []prose{
		say(bold(sc.unit), ": unique packets delivered a second, in wire segments; median over the pairs. ", intervalNote(where, "trial"), " ",
			bold("Gbit/s"), ": IP bytes (TUN) or frame bytes (TAP), without headers of the device. ",
			bold("loss"), ": share of the accepted packets that were not delivered, after the drain. ",
			bold("CPU"), ": CPU time of all threads, softirq included, a packet. ",
			bold("floor"), ": time in the reader's calls over a bare system call and a copy of that size on this host; 1.0 is the floor, lower is better; segments that one call brings share its floor. ",
			bold("n"), ": valid trials out of all."),
	}
	if slices.ContainsFunc(list, (*scenario).userWrites) {
		notes = append(notes, say("With ", mono("dir=u2k"), " user space writes: there ", bold("floor"), " is of the time in the writer's calls, a system call and a copy of that size for each write."))
	}
	if belowFloor(f) {
		notes = append(notes, say("A dash under ", bold("floor"), ": the ratio came out below 1, which cannot be. Either something disturbed the floor, or one system call did the work of several, as io_uring and vhost-net can."))
	}
	if skbs {
		notes = append(notes, say(bold("skb"), ": units that the device moved, where offloads let one carry many segments."))
	}
	if observedOnly {
		notes = append(notes, say("Some scenarios have no bare trials: their figures include the observer's cost and are marked ", bold("observed"), "."))
	}
	if out {
		notes = append(notes, say("Where no trial is valid, the figures of the invalid ones are shown and marked ", bold("invalid"), ": do not quote them."))
	}
	if f.Run.Clock == virtualClock {
		notes = append(notes, say("Under the icount clock one nanosecond is one instruction of the guest. Caches, branch prediction and parallelism are not seen."))
	}
	last := &secs[len(secs)-1]
	for _, n := range notes {
		last.blocks = append(last.blocks, small(n))
	}
	last.blocks = append(last.blocks, everyInterval(list, sc), packetCost(list))
	return secs
}

// throughputCharts draws the headline of one mode.
func throughputCharts(index int, mode string, own []*scenario, sc scale) (pics []picture) {
	// A mode from outside does not become part of a file name.
	name, class := "throughput-"+strconv.Itoa(index), "a"
	switch mode {
	case "TUN":
		name = "throughput-tun"
	case "TAP":
		name, class = "throughput-tap", "b"
	}
	var bars []bar
	for _, s := range own {
		m, ok := s.head().metric(record.PPS)
		if !ok {
			continue
		}
		b := bar{label: s.label, value: m.Median / sc.div, text: sc.format(m.Median), hollow: s.head().invalid}
		if sp, ok := s.head().interval(record.PPS); ok {
			b.low, b.high, b.exact = sp.low/sc.div, sp.high/sc.div, sp.exact
		}
		bars = append(bars, b)
	}
	for i, part := range slices.Collect(slices.Chunk(bars, rowsAChart)) {
		pics = append(pics, picture{
			file: numbered(name, i), alt: mode + ": packets a second of each scenario",
			chart: barChart{
				title: mode + ": packets delivered a second", desc: "One bar a scenario; higher is better.",
				class: class, unit: sc.unit, bars: part,
			},
		})
	}
	return pics
}

// headline shows the median of each figure, and of the packet rate, in the
// column named where, its interval.
func headline(own []*scenario, sc scale, skbs bool, where string) table {
	t := table{columns: slices.Concat(text("scenario"), numeric(sc.unit, where))}
	if skbs {
		t.columns = append(t.columns, column{"skb " + sc.unit, true})
	}
	t.columns = slices.Concat(t.columns, numeric("Gbit/s", "loss %", "CPU ns", "× floor", "n"), text("flags"))
	for _, s := range own {
		h := s.head()
		pps, ok := h.metric(record.PPS)
		mid, rng := absent, absent
		if ok {
			mid = sc.format(pps.Median)
		}
		if sp, ok := h.interval(record.PPS); ok {
			rng = sp.text(where, sc.format)
		}
		cells := []any{s.label, bold(mid), rng}
		if skbs {
			cells = append(cells, cell(h, record.SKBPS, sc.format))
		}
		n := strconv.Itoa(len(h.used))
		if h.invalid {
			n = "0"
		}
		if len(h.used) != len(h.all) || h.invalid {
			n += " of " + strconv.Itoa(len(h.all))
		}
		cells = append(cells,
			cell(h, record.BitPerS, gigabits), cell(h, record.Loss, percent),
			cell(h, record.CPUNsPerPkt, figure), cell(h, record.FloorRatio, hundredths),
			n, marks(s))
		t.rows = append(t.rows, row(cells...))
	}
	return t
}

// everyInterval shows each figure of the headline with its interval, or with the
// range of the trials where there are too few for one.
func everyInterval(list []*scenario, sc scale) table {
	title := titles(list)
	figures := []struct {
		column, metric string
		format         func(float64) string
	}{
		{sc.unit, record.PPS, sc.format},
		{"Gbit/s", record.BitPerS, gigabits},
		{"loss %", record.Loss, percent},
		{"CPU ns", record.CPUNsPerPkt, figure},
		{"× floor", record.FloorRatio, hundredths},
	}
	var spans []interval
	for _, s := range list {
		for _, f := range figures {
			sp, _ := s.head().interval(f.metric)
			spans = append(spans, sp)
		}
	}
	where := intervalColumn(spans...)
	t := table{columns: text("scenario"), fold: "Each figure with its " + where, note: say("Medians, in brackets the "+where+". ", intervalNote(where, "trial"))}
	for _, f := range figures {
		t.columns = append(t.columns, column{f.column, true})
	}
	for i, s := range list {
		cells := []any{title(s)}
		for j, f := range figures {
			c := cell(s.head(), f.metric, f.format)
			if _, ok := s.head().interval(f.metric); ok {
				c += " (" + spans[i*len(figures)+j].text(where, f.format) + ")"
			}
			cells = append(cells, c)
		}
		t.rows = append(t.rows, row(cells...))
	}
	return t
}

func gigabits(v float64) string   { return figure(v / 1e9) }
func hundredths(v float64) string { return decimals(v, 2) }

// brief is the headline for a terminal.
func brief(list []*scenario) table {
	top := 0.0
	for _, s := range list {
		if m, ok := s.head().metric(record.PPS); ok {
			top = max(top, m.Median)
		}
	}
	sc := rateScale(top)
	title := titles(list)
	rates := ratesOf(list)
	where := intervalColumn(slices.Collect(maps.Values(rates))...)
	t := table{columns: slices.Concat(text("scenario"), numeric(sc.unit, where, "Gbit/s", "loss %", "CPU ns", "× floor", "p50", "p99"), text("flags"))}
	for _, s := range list {
		h := s.head()
		p50, p99 := absent, absent
		if l, _, ok := s.latencyOf(record.E2E); ok {
			if v, ok := l.quantile(0.5); ok {
				p50 = duration(float64(v))
			}
			if v, ok := l.quantile(0.99); ok {
				p99 = duration(float64(v))
			}
		}
		rng := absent
		if sp, ok := rates[s]; ok {
			rng = sp.text(where, sc.format)
		}
		t.rows = append(t.rows, row(title(s), cell(h, record.PPS, sc.format), rng,
			cell(h, record.BitPerS, gigabits), cell(h, record.Loss, percent),
			cell(h, record.CPUNsPerPkt, figure), cell(h, record.FloorRatio, hundredths),
			p50, p99, marks(s)))
	}
	return t
}

// cell is the median of a metric.
func cell(a arm, metric string, format func(float64) string) string {
	m, ok := a.metric(metric)
	if !ok {
		return absent
	}
	return format(m.Median)
}

// marks names the flags of the headline's trials, with how many have them
// unless all do.
func marks(s *scenario) prose {
	h := s.head()
	var p prose
	add := func(x ...any) {
		if len(p) > 0 {
			p = append(p, say(", ")...)
		}
		p = append(p, say(x...)...)
	}
	if h.invalid {
		add(bold("invalid"))
	}
	if len(s.bare.all) == 0 {
		add(bold("observed"))
	}
	names, counts := h.flags()
	for _, f := range names {
		if counts[f] == len(h.all) {
			add(f)
		} else {
			add(fmt.Sprintf("%s %d/%d", f, counts[f], len(h.all)))
		}
	}
	return p
}

func packetCost(list []*scenario) table {
	title := titles(list)
	t := table{
		columns: slices.Concat(text("scenario"), numeric("send ns", "receive ns", "system calls", "CPU ns", "offered/delivered")),
		note: say("Medians over the same trials, a delivered packet. ", bold("send"), " and ", bold("receive"),
			": time inside the calls of each side. ", bold("offered/delivered"), ": packets handed to the kernel for each one that arrived."),
		fold: "What a packet costs: calls and time on each side",
	}
	for _, s := range list {
		h := s.head()
		ratio := absent
		var x []float64
		for _, tr := range h.used {
			if pps := tr.Metrics[record.PPS]; pps > 0 {
				if o, ok := tr.Metrics[record.OfferedPPS]; ok {
					x = append(x, o/pps)
				}
			}
		}
		if sum, err := stat.Summarize(x); err == nil {
			ratio = decimals(sum.Median, 2)
		}
		t.rows = append(t.rows, row(title(s), cell(h, record.SendNsPerPkt, figure), cell(h, record.RecvNsPerPkt, figure),
			cell(h, record.SyscallsPerPkt, figure), cell(h, record.CPUNsPerPkt, figure), ratio))
	}
	return t
}
