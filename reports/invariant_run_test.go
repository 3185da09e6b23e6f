package reports

import (
	"slices"
	"strconv"
	"strings"

	"tunbench/reports/record"
)

// checkRun gives what is wrong in the report on f, or in f.
func checkRun(f *record.File) []violation {
	d := newDocument(f)
	c := &checker{violations: checkDocument(d)}
	list, _ := scenarios(f)
	c.same(d, list)
	c.totals(d, list)
	for i := range f.Trials {
		c.trial(&f.Trials[i], f.Header(f.Trials[i].Shard).Floor)
	}
	return c.violations
}

// eachTable gives all tables of d with the heading of their section.
func eachTable(d document, do func(heading string, t table)) {
	var walk func(heading string, blocks []block)
	walk = func(heading string, blocks []block) {
		for _, b := range blocks {
			switch v := b.(type) {
			case table:
				do(heading, v)
			case fold:
				walk(heading, v.blocks)
			}
		}
	}
	for _, s := range d.sections {
		walk(s.heading, s.blocks)
	}
}

// same holds the figures of a scenario in the tables of the headline against each
// other.
func (c *checker) same(d document, list []*scenario) {
	type figure struct{ scenario, column string }
	seen, where := map[figure]string{}, map[figure]string{}
	full := map[string]string{}
	for _, s := range list {
		full[s.label+"\x00"+s.mode], full[s.full()+"\x00"] = s.name, s.name
	}
	modes := modesOf(list)
	eachTable(d, func(heading string, t table) {
		first := slices.Contains(modes, heading) && t.fold == ""
		if !first && !strings.HasPrefix(t.fold, "Each figure with") && !strings.HasPrefix(t.fold, "What a packet costs") && !strings.HasPrefix(t.fold, "The floor and the rest") {
			return
		}
		for _, r := range t.rows {
			name, ok := full[plainText(r[0])+"\x00"]
			if len(modes) == 1 || first {
				mode := heading
				if len(modes) == 1 {
					mode = modes[0]
				}
				name, ok = full[plainText(r[0])+"\x00"+mode]
			}
			if !ok {
				continue
			}
			for i, col := range t.columns {
				switch col.name {
				case "pps", "kpps", "Mpps", "Gbit/s", "loss %", "CPU ns", "× floor":
				default:
					continue
				}
				text, _, _ := strings.Cut(plainText(r[i]), " (")
				key := figure{name, col.name}
				if before, ok := seen[key]; ok && before != text {
					c.where = heading + " / " + t.fold
					c.fail(ruleSame, "%s of %s is %s, and %s in %s", col.name, name, text, before, where[key])
				}
				seen[key], where[key] = text, heading+" / "+t.fold
			}
		}
	})
}

// columnOf gives the index of a column, and false if there is none.
func columnOf(t table, name string) (int, bool) {
	i := slices.IndexFunc(t.columns, func(c column) bool { return c.name == name })
	return i, i >= 0
}

// countIn gives the count that a cell shows.
func countIn(r []prose, i int) uint64 {
	n, _ := strconv.ParseUint(strings.ReplaceAll(plainText(r[i]), ",", ""), 10, 64)
	return n
}

// sumOf sums a column over the rows of each scenario, by its title, or of what key
// makes of it.
func sumOf(t table, column string, key func(scenario string, r []prose) string) map[string]uint64 {
	sums := map[string]uint64{}
	at, ok := columnOf(t, column)
	name := ""
	for _, r := range t.rows {
		if own := plainText(r[0]); own != "" {
			name = own
		}
		if ok {
			sums[key(name, r)] += countIn(r, at)
		}
	}
	return sums
}

func byScenario(scenario string, _ []prose) string { return scenario }

// writes holds the writes of all sizes against the writes of all.
func (c *checker) writes(d document) {
	all, bySize := map[string]uint64{}, map[string]uint64{}
	eachTable(d, func(heading string, t table) {
		switch {
		case heading != "User to kernel":
		case strings.HasPrefix(t.fold, "Sizes of"):
			bySize = sumOf(t, "writes", byScenario)
		default:
			all = sumOf(t, "writes", byScenario)
		}
	})
	c.where = "User to kernel"
	for name, n := range bySize {
		if of, ok := all[name]; ok && of != n {
			c.fail(ruleSums, "%q: %d writes in one table, %d in the other", name, of, n)
		}
	}
}

// totals holds the sums that tables show against the records.
func (c *checker) totals(d document, list []*scenario) {
	title := titles(list)
	byTitle := map[string]*scenario{}
	for _, s := range list {
		byTitle[title(s)] = s
	}
	expect := func(where string, got map[string]uint64, want func(*scenario) (uint64, bool)) {
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
	eachTable(d, func(heading string, t table) {
		switch {
		case heading == "Queues" && strings.HasPrefix(t.fold, "Every queue"):
			column, side := "read packets", ""
			if _, ok := columnOf(t, column); !ok {
				column = "read or received"
			}
			sums := map[string]uint64{}
			of, sided := columnOf(t, "packets")
			for k, n := range sumOf(t, column, func(scenario string, r []prose) string {
				if sided {
					if own := plainText(r[of]); own != "" {
						side = own
					}
				}
				return scenario + "\x00" + side
			}) {
				sums[k] = n
			}
			for k, n := range sums {
				name, side, _ := strings.Cut(k, "\x00")
				expect("Queues, "+side, map[string]uint64{name: n}, func(s *scenario) (total uint64, ok bool) {
					for _, tr := range s.observ.used {
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
			expect(heading, sumOf(t, "packets", byScenario), func(s *scenario) (uint64, bool) {
				trials := s.observ.all
				if len(trials) == 0 {
					trials = s.bare.all
				}
				return account(trials).dropped, true
			})
		case heading == "Accounting":
			for _, r := range t.rows {
				at := func(name string) int64 {
					i, _ := columnOf(t, name)
					n, _ := strconv.ParseInt(strings.NewReplacer(",", "", "−", "-").Replace(plainText(r[i])), 10, 64)
					return n
				}
				if at("accepted") != at("delivered")+at("dropped")+at("unexplained") && !strings.Contains(plainText(d.points[len(d.points)-1]), "not add up") {
					c.where = heading
					c.fail(ruleSums, "%q", plainText(r[0]))
				}
			}
		}
	})
}

// throughQueues is how many packets the accounts of t say went through its queues
// on one side; false where they do not tell.
func throughQueues(t *record.Trial, received bool) (uint64, bool) {
	if path := axisOf(t, "path"); path != "" && path != "sink" && path != "bridge" {
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
	case received && axisOf(t, "xdp") == "drop": // which the observer does not see
		return 0, false
	case received:
		return a.Accepted, true
	case a.Read != nil:
		return *a.Read, true
	}
	return 0, false
}
