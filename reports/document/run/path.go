package run

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/record"
	"tunbench/reports/text"
)

// written shows what user space wrote into devices, and what the kernel refused
// of it.
func written(list []*figure.Scenario) (document.Section, bool) {
	title := figure.Titles(list)
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("writes", "system calls", "bytes per write", "refused", "refused %"), document.Text("refused, by errno", "lost, by reason")),
		Note:    book.Say("writes note", nil),
	}
	sizes := document.Table{Columns: slices.Concat(document.Text("scenario", "size up to (bytes)"), document.Numeric("writes", "%")), Fold: book.Text("write sizes fold", nil)}
	for _, s := range list {
		var calls, bytes, all uint64
		errors, bySize := map[string]uint64{}, map[string]uint64{}
		seen := false
		trials, arm := s.Losing()
		for _, tr := range trials {
			if w := tr.Writes; w != nil {
				seen = true
				calls += w.Calls
				all += w.Count()
				bytes += w.Bytes
				addAll(errors, w.Errors)
				addAll(bySize, w.Sizes)
			}
		}
		if !seen {
			continue
		}
		var refused uint64
		for _, n := range errors {
			refused += n
		}
		each, share := text.Absent, text.Absent
		if all > 0 {
			each = text.Figure(float64(bytes) / float64(all))
		}
		if all+refused > 0 {
			share = text.Percent(float64(refused) / float64(all+refused))
		}
		t.Rows = append(t.Rows, document.Row(title(s), text.Count(all), text.Count(calls), each, text.Count(refused), share, reasons(errors), losses(figure.Account(trials).ByReason, bareOnly(s, arm))))
		name := title(s)
		for _, upTo := range slices.SortedFunc(maps.Keys(bySize), byNumber) {
			sizes.Rows = append(sizes.Rows, document.Row(name, upTo, text.Count(bySize[upTo]), text.Percent(float64(bySize[upTo])/float64(max(1, all)))))
			name = ""
		}
	}
	if len(t.Rows) == 0 {
		return document.Section{}, false
	}
	return document.Section{Heading: book.Text("writes heading", nil), Blocks: []document.Block{t.Folded(book.Text("writes fold", nil)), sizes}}, true
}

// byNumber orders texts of digits by their value.
func byNumber(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) }

// headers shows what virtio-net headers said, and whether that was right.
func headers(list []*figure.Scenario) (document.Section, bool) {
	title := figure.Titles(list)
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("headers"), document.Text("gso_type"), document.Numeric("partial", "complete", "largest"), document.Text("wrong")),
		Note:    book.Say("headers note", nil),
	}
	for _, s := range list {
		sum := record.Vnet{GSO: map[string]uint64{}, Bad: map[string]uint64{}}
		for _, tr := range s.All() {
			if v := tr.Vnet; v != nil {
				sum.Headers += v.Headers
				sum.Partial += v.Partial
				sum.Full += v.Full
				sum.Largest = max(sum.Largest, v.Largest)
				addAll(sum.GSO, v.GSO)
				addAll(sum.Bad, v.Bad)
			}
		}
		if sum.Headers > 0 {
			t.Rows = append(t.Rows, document.Row(title(s), text.Count(sum.Headers), reasons(sum.GSO), text.Count(sum.Partial), text.Count(sum.Full), text.Count(sum.Largest), reasons(sum.Bad)))
		}
	}
	if len(t.Rows) == 0 {
		return document.Section{}, false
	}
	t.Fold = book.Text("headers fold", prose.Values{"N": len(t.Rows)})
	return document.Section{Heading: book.Text("headers heading", nil), Blocks: []document.Block{t}}, true
}

// hops follows packets along paths of several devices.
func hops(list []*figure.Scenario) (document.Section, bool) {
	title := figure.Titles(list)
	t := document.Table{
		Columns: slices.Concat(document.Text("scenario", "hop"), document.Numeric("in", "out", "system calls per unit", "bytes per unit"), document.Text("dropped here")),
		Note:    book.Say("hops note", nil), Detail: true,
	}
	sum := document.Table{
		Columns: slices.Concat(document.Text("scenario"), document.Numeric("hops", "in")), Note: book.Say("hops digest note", nil), Digest: true,
	}
	sum.Columns = append(sum.Columns, document.Text("dropped at")...)
	for _, s := range list {
		var order []string
		sums := map[string]*record.Hop{}
		trials, arm := s.Losing()
		for _, tr := range trials {
			for _, h := range tr.Hops {
				sum, ok := sums[h.Name]
				if !ok {
					sum = &record.Hop{Name: h.Name, Dropped: map[string]uint64{}}
					sums[h.Name] = sum
					order = append(order, h.Name)
				}
				sum.In += h.In
				sum.Out += h.Out
				sum.Calls += h.Calls
				sum.Bytes += h.Bytes
				addAll(sum.Dropped, h.Dropped)
			}
		}
		name, only := title(s), bareOnly(s, arm)
		var lossy []string
		for _, place := range order {
			h := sums[place]
			if figure.Sum(h.Dropped) > 0 {
				lossy = append(lossy, book.Text("dropped at", prose.Values{"Hop": place, "Reasons": losses(h.Dropped, only)}))
			}
			calls, bytes := text.Absent, text.Absent
			if h.In > 0 && h.Calls > 0 {
				calls = text.Figure(float64(h.Calls) / float64(h.In))
			}
			if h.In > 0 && h.Bytes > 0 {
				bytes = text.Figure(float64(h.Bytes) / float64(h.In))
			}
			t.Rows = append(t.Rows, document.Row(name, h.Name, text.Count(h.In), text.Count(h.Out), calls, bytes, losses(h.Dropped, only)))
			name = ""
		}
		if n := len(order); n > 0 {
			sum.Rows = append(sum.Rows, document.Row(title(s), n, text.Count(sums[order[0]].In), cmp.Or(strings.Join(lossy, "; "), text.Absent)))
		}
	}
	if len(t.Rows) == 0 {
		return document.Section{}, false
	}
	fold := book.Text("hops fold", nil)
	return document.Section{Heading: book.Text("hops heading", nil), Blocks: []document.Block{sum.Folded(fold), t.Folded(fold)}}, true
}

// reasons spells counts by name, the largest first.
func reasons(counts map[string]uint64) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	var parts []string
	for _, n := range names {
		if counts[n] > 0 {
			parts = append(parts, n+" "+text.Count(counts[n]))
		}
	}
	if len(parts) == 0 {
		return text.Absent
	}
	return strings.Join(parts, ", ")
}

// losses spells counts of losses, and marks those of bare trials only.
func losses(counts map[string]uint64, only string) string {
	if figure.Sum(counts) == 0 {
		return text.Absent
	}
	return reasons(counts) + only
}

// addAll adds counts by name.
func addAll(sum, counts map[string]uint64) {
	for name, n := range counts {
		sum[name] += n
	}
}

// guests are the virtual machines behind devices, as their drivers counted packets.
func guests(list []*figure.Scenario) (document.Section, bool) {
	title := figure.Titles(list)
	t := document.Table{Columns: slices.Concat(document.Text("scenario", "guest"), document.Numeric("CPUs", "queue", "received", "sent")), Note: book.Say("guests note", nil)}
	for _, s := range list {
		if g := figure.GuestOf(s); g != nil {
			for i, q := range g.Queues {
				name, kernel, cpus := title(s), g.Kernel+", "+g.Accel, fmt.Sprint(g.CPUs)
				if i > 0 {
					name, kernel, cpus = "", "", ""
				}
				t.Rows = append(t.Rows, document.Row(name, kernel, cpus, fmt.Sprint(q.Queue), text.Count(q.RxPkts), text.Count(q.TxPkts)))
			}
		}
	}
	return document.Section{Heading: book.Text("guests heading", nil), Blocks: []document.Block{t}}, len(t.Rows) > 0
}
