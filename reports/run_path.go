package reports

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"tunbench/reports/record"
)

// written shows what user space wrote into devices, and what the kernel refused
// of it.
func written(list []*scenario) (section, bool) {
	title := titles(list)
	t := table{
		columns: slices.Concat(text("scenario"), numeric("writes", "system calls", "bytes a write", "refused", "refused %"), text("refused by errno", "lost on the way")),
		note: say("Summed over the trials, warm-up included. ", bold("writes"), ": packets or super-packets that the kernel took. ", bold("system calls"),
			": those that handed them over; with io_uring and vhost-net one hands over many. ", bold("refused"), ": packets or super-packets for which the call returned an error; ", mono("EAGAIN"), " ones are written again. ",
			"Some kernels refuse super-packets of a kind with ", mono("EINVAL"), ": that is the count to look at. ", bold("lost"), ": accepted packets by the kernel's reason; ",
			mono("SOCKET_RCVBUFF"), " is the receiving socket's buffer, not the device."),
	}
	sizes := table{columns: slices.Concat(text("scenario", "up to bytes"), numeric("writes", "%")), fold: "Sizes of the writes"}
	for _, s := range list {
		var calls, bytes, all uint64
		errors, bySize := map[string]uint64{}, map[string]uint64{}
		seen := false
		for _, tr := range s.all() {
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
		each, share := absent, absent
		if all > 0 {
			each = figure(float64(bytes) / float64(all))
		}
		if all+refused > 0 {
			share = percent(float64(refused) / float64(all+refused))
		}
		t.rows = append(t.rows, row(title(s), count(all), count(calls), each, count(refused), share, reasons(errors), reasons(account(s.all()).byReason)))
		name := title(s)
		for _, upTo := range slices.SortedFunc(maps.Keys(bySize), byNumber) {
			sizes.rows = append(sizes.rows, row(name, upTo, count(bySize[upTo]), percent(float64(bySize[upTo])/float64(max(1, all)))))
			name = ""
		}
	}
	if len(t.rows) == 0 {
		return section{}, false
	}
	return section{heading: "User to kernel", blocks: []block{t.folded("User to kernel"), sizes}}, true
}

// byNumber orders texts of digits by their value.
func byNumber(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b)) }

// headers shows what virtio-net headers said, and whether that was right.
func headers(list []*scenario) (section, bool) {
	title := titles(list)
	t := table{
		columns: slices.Concat(text("scenario"), numeric("headers"), text("gso_type"), numeric("partial", "complete", "largest"), text("wrong")),
		note: say("Each header was held against the packet behind it, summed over the trials. ", bold("partial"), ": the checksum was left to the reader. ", bold("complete"),
			": it was there; a sample of them was computed again. ", bold("largest"), ": bytes of IP in one read. ", bold("wrong"), ": headers or checksums that do not fit their packet."),
	}
	for _, s := range list {
		sum := record.Vnet{GSO: map[string]uint64{}, Bad: map[string]uint64{}}
		for _, tr := range s.all() {
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
			t.rows = append(t.rows, row(title(s), count(sum.Headers), reasons(sum.GSO), count(sum.Partial), count(sum.Full), count(sum.Largest), reasons(sum.Bad)))
		}
	}
	if len(t.rows) == 0 {
		return section{}, false
	}
	t.fold = "What the headers of " + plural(len(t.rows), "scenario", "scenarios") + " said"
	return section{heading: "virtio-net headers", blocks: []block{t}}, true
}

// hops follows packets along paths of several devices.
func hops(list []*scenario) (section, bool) {
	title := titles(list)
	t := table{
		columns: slices.Concat(text("scenario", "place"), numeric("in", "out", "system calls a unit", "bytes a unit"), text("dropped here")),
		note:    say("Summed over the trials. Places in the order in which packets pass them; a super-packet counts as one."),
	}
	for _, s := range list {
		var order []string
		sums := map[string]*record.Hop{}
		for _, tr := range s.all() {
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
		name := title(s)
		for _, place := range order {
			h := sums[place]
			calls, bytes := absent, absent
			if h.In > 0 && h.Calls > 0 {
				calls = figure(float64(h.Calls) / float64(h.In))
			}
			if h.In > 0 && h.Bytes > 0 {
				bytes = figure(float64(h.Bytes) / float64(h.In))
			}
			t.rows = append(t.rows, row(name, h.Name, count(h.In), count(h.Out), calls, bytes, reasons(h.Dropped)))
			name = ""
		}
	}
	if len(t.rows) == 0 {
		return section{}, false
	}
	return section{heading: "Along the path", blocks: []block{t.folded("Along the path")}}, true
}

// reasons spells counts by name, the largest first.
func reasons(counts map[string]uint64) string {
	names := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), strings.Compare(a, b))
	})
	var parts []string
	for _, n := range names {
		if counts[n] > 0 {
			parts = append(parts, n+" "+count(counts[n]))
		}
	}
	if len(parts) == 0 {
		return absent
	}
	return strings.Join(parts, ", ")
}

// addAll adds counts by name.
func addAll(sum, counts map[string]uint64) {
	for name, n := range counts {
		sum[name] += n
	}
}
