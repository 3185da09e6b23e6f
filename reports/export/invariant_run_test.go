package export

import (
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/document"
	"tunbench/reports/document/run"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
)

// checkRun gives what is wrong in the report on f, or in f.
func checkRun(f *record.File) []violation {
	d := run.New(f)
	c := &checker{violations: checkDocument(d)}
	list, _ := figure.Scenarios(f)
	c.same(d, list)
	c.totals(d, list)
	for i := range f.Trials {
		c.trial(&f.Trials[i], f.Header(f.Trials[i].Shard).Floor)
	}
	return c.violations
}

// eachTable gives all tables of d with the heading of their section.
func eachTable(d document.Document, do func(heading string, t document.Table)) {
	var walk func(heading string, blocks []document.Block)
	walk = func(heading string, blocks []document.Block) {
		for _, b := range blocks {
			switch v := b.(type) {
			case document.Table:
				do(heading, v)
			case document.Fold:
				walk(heading, v.Blocks)
			}
		}
	}
	for _, s := range d.Sections {
		walk(s.Heading, s.Blocks)
	}
}

// same holds the figures of a scenario in the tables of the headline against each
// other.
func (c *checker) same(d document.Document, list []*figure.Scenario) {
	type shown struct{ scenario, column string }
	seen, where := map[shown]string{}, map[shown]string{}
	full := map[string]string{}
	for _, s := range list {
		full[s.Label+"\x00"+s.Mode], full[s.Full()+"\x00"] = s.Name, s.Name
	}
	modes := figure.ModesOf(list)
	eachTable(d, func(heading string, t document.Table) {
		first := slices.Contains(modes, heading) && t.Fold == ""
		if !first && !strings.HasPrefix(t.Fold, "Each figure with") && !strings.HasPrefix(t.Fold, "What a packet costs") && !strings.HasPrefix(t.Fold, "The floor and the rest") {
			return
		}
		for _, r := range t.Rows {
			name, ok := full[document.PlainText(r[0])+"\x00"]
			if len(modes) == 1 || first {
				mode := heading
				if len(modes) == 1 {
					mode = modes[0]
				}
				name, ok = full[document.PlainText(r[0])+"\x00"+mode]
			}
			if !ok {
				continue
			}
			for i, col := range t.Columns {
				switch col.Name {
				case "pps", "kpps", "Mpps", "Gbit/s", "loss %", "CPU ns", "× floor":
				default:
					continue
				}
				text, _, _ := strings.Cut(document.PlainText(r[i]), " (")
				key := shown{name, col.Name}
				if before, ok := seen[key]; ok && before != text {
					c.where = heading + " / " + t.Fold
					c.fail(ruleSame, "%s of %s is %s, and %s in %s", col.Name, name, text, before, where[key])
				}
				seen[key], where[key] = text, heading+" / "+t.Fold
			}
		}
	})
}

// columnOf gives the index of a column, and false if there is none.
func columnOf(t document.Table, name string) (int, bool) {
	i := slices.IndexFunc(t.Columns, func(c document.Column) bool { return c.Name == name })
	return i, i >= 0
}

// countIn gives the count that a cell shows.
func countIn(r []prose.Prose, i int) uint64 {
	n, _ := strconv.ParseUint(strings.ReplaceAll(document.PlainText(r[i]), ",", ""), 10, 64)
	return n
}

// sumOf sums a column over the rows of each scenario, by its title, or of what key
// makes of it.
func sumOf(t document.Table, column string, key func(scenario string, r []prose.Prose) string) map[string]uint64 {
	sums := map[string]uint64{}
	at, ok := columnOf(t, column)
	name := ""
	for _, r := range t.Rows {
		if own := document.PlainText(r[0]); own != "" {
			name = own
		}
		if ok {
			sums[key(name, r)] += countIn(r, at)
		}
	}
	return sums
}

func byScenario(scenario string, _ []prose.Prose) string { return scenario }

// writes holds the writes of all sizes against the writes of all.
func (c *checker) writes(d document.Document) {
	all, bySize := map[string]uint64{}, map[string]uint64{}
	eachTable(d, func(heading string, t document.Table) {
		switch {
		case heading != "Writes from user space to the device":
		case strings.HasPrefix(t.Fold, "Sizes of"):
			bySize = sumOf(t, "writes", byScenario)
		default:
			all = sumOf(t, "writes", byScenario)
		}
	})
	c.where = "Writes from user space to the device"
	for name, n := range bySize {
		if of, ok := all[name]; ok && of != n {
			c.fail(ruleSums, "%q: %d writes in one table, %d in the other", name, of, n)
		}
	}
}

// totals holds the sums that tables show against the records.
func (c *checker) totals(d document.Document, list []*figure.Scenario) {
	title := figure.Titles(list)
	byTitle := map[string]*figure.Scenario{}
	for _, s := range list {
		byTitle[title(s)] = s
	}
	expect := func(where string, got map[string]uint64, want func(*figure.Scenario) (uint64, bool)) {
		c.where = where
		for name, n := range got {
			s, ok := byTitle[name]
			if !ok {
				c.fail(ruleSums, "no scenario is called %q", name)
				continue
			}
			if w, ok := want(s); ok && w != n {
				c.fail(ruleSums, "%q: the table has %d, the records have %d", name, n, w)
			}
		}
	}
	eachTable(d, func(heading string, t document.Table) {
		switch {
		case heading == "Distribution over queues" && strings.HasPrefix(t.Fold, "Every queue"):
			column, side := "read packets", ""
			if _, ok := columnOf(t, column); !ok {
				column = "read or received"
			}
			sums := map[string]uint64{}
			of, sided := columnOf(t, "packets")
			for k, n := range sumOf(t, column, func(scenario string, r []prose.Prose) string {
				if sided {
					if own := document.PlainText(r[of]); own != "" {
						side = own
					}
				}
				return scenario + "\x00" + side
			}) {
				sums[k] = n
			}
			for k, n := range sums {
				name, side, _ := strings.Cut(k, "\x00")
				expect("Queues, "+side, map[string]uint64{name: n}, func(s *figure.Scenario) (total uint64, ok bool) {
					for _, tr := range s.Observ.Used {
						n, known := throughQueues(tr, side == "received")
						if !known {
							return 0, false
						}
						total += n
					}
					return total, true
				})
			}
		case heading == "Drops by reason":
			expect(heading, sumOf(t, "packets", byScenario), func(s *figure.Scenario) (uint64, bool) {
				trials, _ := s.Losing()
				return figure.Account(trials).Dropped, true
			})
		case heading == "Packet accounting":
			for _, r := range t.Rows {
				at := func(name string) int64 {
					i, _ := columnOf(t, name)
					n, _ := strconv.ParseInt(strings.NewReplacer(",", "", "−", "-").Replace(document.PlainText(r[i])), 10, 64)
					return n
				}
				if at("accepted") != at("delivered")+at("dropped")+at("unexplained") && !strings.Contains(document.PlainText(d.Lead), "not add up") {
					c.where = heading
					c.fail(ruleSums, "%q", document.PlainText(r[0]))
				}
			}
		}
	})
}

// throughQueues is how many packets the accounts of t say went through its queues
// on one side; false where they do not tell.
func throughQueues(t *record.Trial, received bool) (uint64, bool) {
	if path := axis.Of(t, "path"); path != "" && path != "sink" && path != "bridge" {
		return 0, false // queues are those of the first of two devices
	}
	a := t.Accounting
	if d, ok := t.Directions["k2u"]; ok && !received {
		a = d.Accounting
	}
	if d, ok := t.Directions["u2k"]; ok && received {
		a = d.Accounting
	}
	switch {
	case received && axis.Of(t, "xdp") == "drop": // which the observer does not see
		return 0, false
	case received:
		return a.Accepted, true
	case a.Read != nil:
		return *a.Read, true
	}
	return 0, false
}
