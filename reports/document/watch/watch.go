// Package watch makes the document on a device that was watched.
package watch

import (
	"embed"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/figure"
	"tunbench/reports/live"
	"tunbench/reports/prose"
	"tunbench/reports/text"
	"tunbench/reports/watched"
)

//go:embed *.txt
var files embed.FS

var book = prose.Must(prose.Read(files, "*.txt", document.Words))

// New is the report on s. events are what happened to the device, in order. source says
// where and with what it was watched: see document.SourceOf.
func New(s *watched.Sum, events []string, source string) document.Document {
	d := document.Document{Title: book.Text("title", prose.Values{"Name": s.Device.Name}), Source: source}
	d.N = document.Counted([]int{s.Intervals()}, document.Intervals())
	if s.Unobserved != "" {
		d.Alerts = append(d.Alerts, book.Say("unobserved", prose.Values{"Why": s.Unobserved}))
	}
	if s.Missed > 0 {
		d.Alerts = append(d.Alerts, book.Say("missed", prose.Values{"N": text.Count(s.Missed)}))
	}
	d.Lead = lead(s)
	d.Points = points(s)
	if len(events) > 0 {
		sec := document.Section{Heading: book.Text("events heading", nil)}
		var list document.Bullets
		for _, e := range events {
			list = append(list, prose.Say(e))
		}
		sec.Blocks = append(sec.Blocks, list)
		d.Sections = append(d.Sections, sec)
	}
	d.Sections = append(d.Sections, timeLines(s))
	for _, part := range []func(*watched.Sum) (document.Section, bool){queues, gso, drops, callErrors} {
		if sec, ok := part(s); ok {
			d.Sections = append(d.Sections, sec)
		}
	}
	d.Sections = append(d.Sections, device(s))
	return d
}

// Totals are the sums of all queues or, without an observer, what the device counted.
type Totals struct {
	Read, ReadBytes, Received, ReceivedBytes, Dropped uint64
}

// TotalsOf sums up s.
func TotalsOf(s *watched.Sum) (t Totals) {
	if s.Unobserved != "" {
		c := s.Counters
		return Totals{c.TxPackets, c.TxBytes, c.RxPackets, c.RxBytes, c.TxDropped + c.RxDropped}
	}
	for _, q := range s.Queues {
		t.Read += q.ReadPkts
		t.ReadBytes += q.ReadBytes
		t.Received += q.RecvPkts
		t.ReceivedBytes += q.RecvBytes
	}
	t.Dropped = figure.Sum(s.Dropped) + figure.Sum(s.RecvDropped)
	return t
}

func lead(s *watched.Sum) prose.Prose {
	t := TotalsOf(s)
	per := func(n uint64) float64 { return float64(n) * 1e9 / float64(max(s.Observed, 1)) }
	span := func(ns int64) string { return (time.Duration(ns) / time.Millisecond * time.Millisecond).String() }
	counted := "" // all of the time, but for what an interval begins late
	if s.Observed < (s.Ended-s.Begun)/10*9 {
		counted = span(s.Observed)
	}
	return book.Say("lead", prose.Values{
		"Counted": counted,
		"Name":    s.Device.Name, "Mode": strings.ToUpper(s.Device.Mode), "Netns": s.Device.Netns,
		"Time": span(s.Ended - s.Begun),
		"Read": int(t.Read), "ReadRate": text.Figure(per(t.Read)), "ReadBits": bits(8 * per(t.ReadBytes)),
		"Received": text.Count(t.Received), "ReceivedRate": text.Figure(per(t.Received)), "ReceivedBits": bits(8 * per(t.ReceivedBytes)),
		"Dropped": int(t.Dropped),
	})
}

// bits is a rate in bits a second, in the unit that leaves few digits.
func bits(v float64) string {
	switch {
	case v >= 1e9:
		return text.Gigabits(v) + " Gbit/s"
	case v >= 1e6:
		return text.Figure(v/1e6) + " Mbit/s"
	}
	return text.Figure(v/1e3) + " kbit/s"
}

func points(s *watched.Sum) (list []prose.Prose) {
	if s.Unobserved != "" {
		return nil
	}
	if s.Residency.Count > 0 {
		quantile := func(q float64) string {
			if v, ok := s.Residency.Quantile(q); ok {
				return text.Duration(float64(v))
			}
			return "" // of too few packets
		}
		list = append(list, book.Say("residency", prose.Values{
			"P50": quantile(0.5), "P99": quantile(0.99), "Max": text.Duration(float64(s.Residency.Max)), "Samples": int(s.Residency.Count + s.Residency.Overflow),
		}))
	}
	if c := s.Cost; c != nil {
		list = append(list, book.Say("cost", prose.Values{
			"Change": text.Precisely(c.PPSChange), "Low": text.Precisely(c.CI[0]), "High": text.Precisely(c.CI[1]), "Pairs": c.Pairs, "Run": text.PerPacket(c.RunNsPerPkt),
		}))
	}
	return append(list, book.Say("observer", prose.Values{"Hook": s.Hook, "Every": s.SampleEvery}))
}

// timeLines shows rates, drops and residency over time.
func timeLines(s *watched.Sum) document.Section {
	tl := chart.Timeline{
		Title: book.Text("time chart title", prose.Values{"Name": s.Device.Name}),
		Desc:  book.Text("time chart description", nil),
	}
	var read, received, dropped, p50, p99 []float64
	top, most, lost := 0.0, 0, 0.0
	for _, p := range s.Points {
		tl.Seconds = append(tl.Seconds, p.Seconds)
		read, received, dropped = append(read, p.Read), append(received, p.Received), append(dropped, p.Dropped)
		p50, p99 = append(p50, p.P50), append(p99, p.P99)
		top, most, lost = max(top, p.Read, p.Received), max(most, len(p.ByQueue)), max(lost, p.Dropped)
	}
	scale := text.RateScale(top)
	tl.Panels = append(tl.Panels, chart.TimePanel{
		Title: book.Text("panel rate", prose.Values{"Unit": scale.Unit}), Scale: scale,
		Lines: []chart.TimeLine{{Name: book.Text("panel read", nil), Values: read}, {Name: book.Text("panel received", nil), Values: received}},
	})
	if most > 1 && most <= chart.LinesAPanel {
		panel := chart.TimePanel{Title: book.Text("panel queues", prose.Values{"Unit": scale.Unit}), Scale: scale}
		for q := range most {
			line := chart.TimeLine{Name: book.Text("queue", prose.Values{"N": q})}
			for _, p := range s.Points {
				v := math.NaN()
				if q < len(p.ByQueue) {
					v = p.ByQueue[q]
				}
				line.Values = append(line.Values, v)
			}
			panel.Lines = append(panel.Lines, line)
		}
		tl.Panels = append(tl.Panels, panel)
	}
	if lost > 0 {
		scale := text.RateScale(lost)
		tl.Panels = append(tl.Panels, chart.TimePanel{
			Title: book.Text("panel drops", prose.Values{"Unit": scale.Unit}), Scale: scale, Lines: []chart.TimeLine{{Values: dropped}},
		})
	}
	if s.Residency.Count > 0 {
		tl.Panels = append(tl.Panels, chart.TimePanel{
			Title: book.Text("panel residency", nil), Scale: text.Scale{Div: 1e3},
			Lines: []chart.TimeLine{{Name: "p50", Values: p50}, {Name: "p99", Values: p99}},
		})
	}
	return document.Section{Heading: book.Text("time heading", nil), Blocks: []document.Block{document.Picture{
		File: document.Numbered("time", 0), Alt: book.Text("time chart alt", prose.Values{"Name": s.Device.Name}), Chart: tl,
	}}}
}

func queues(s *watched.Sum) (document.Section, bool) {
	if len(s.Queues) == 0 {
		return document.Section{}, false
	}
	t := document.Table{
		Columns: document.Numeric("queue", "read", "read size", "written", "write size", "dropped", "share %", "calls"),
		Note:    book.Say("queues note", nil),
	}
	var all uint64
	for _, q := range s.Queues {
		all += q.ReadPkts + q.RecvPkts
	}
	for _, q := range s.Queues {
		calls := text.Absent
		if q.ReadCalls != nil && q.ReadPkts > 0 {
			calls = text.Decimals(float64(*q.ReadCalls)/float64(q.ReadPkts), 2)
		}
		share := text.Absent
		if all > 0 {
			share = text.Percent(float64(q.ReadPkts+q.RecvPkts) / float64(all))
		}
		t.Rows = append(t.Rows, document.Row(q.Queue.Queue, text.Count(q.ReadPkts), mean(q.ReadBytes, q.ReadPkts),
			text.Count(q.RecvPkts), mean(q.RecvBytes, q.RecvPkts), text.Count(q.DropPkts), share, calls))
	}
	return document.Section{Heading: book.Text("queues heading", nil), Blocks: []document.Block{t}}, true
}

func mean(bytes, pkts uint64) string {
	if pkts == 0 {
		return text.Absent
	}
	return text.Decimals(float64(bytes)/float64(pkts), 0)
}

func gso(s *watched.Sum) (document.Section, bool) {
	if len(s.GSO) == 0 {
		return document.Section{}, false
	}
	t := document.Table{
		Columns: slices.Concat(document.Text("packets", "type"), document.Numeric("GSO packets", "segments")),
		Note:    book.Say("gso note", nil),
	}
	for _, g := range s.GSO {
		t.Rows = append(t.Rows, document.Row(way(g.Dir), g.Type, text.Count(g.SKBs), text.Decimals(float64(g.Pkts)/float64(max(g.SKBs, 1)), 1)))
	}
	return document.Section{Heading: book.Text("gso heading", nil), Blocks: []document.Block{t}}, true
}

func way(dir string) string {
	if dir == "u2k" {
		return book.Text("from writers", nil)
	}
	return book.Text("to readers", nil)
}

func drops(s *watched.Sum) (document.Section, bool) {
	t := document.Table{
		Columns: slices.Concat(document.Text("packets", "reason"), document.Numeric("packets")),
		Note:    book.Say("drops note", nil),
	}
	for _, side := range []struct {
		way    string
		counts map[string]uint64
	}{{way("k2u"), s.Dropped}, {way("u2k"), s.RecvDropped}} {
		for _, reason := range slices.Sorted(maps.Keys(side.counts)) {
			t.Rows = append(t.Rows, document.Row(side.way, reason, text.Count(side.counts[reason])))
		}
	}
	if len(t.Rows) == 0 {
		return document.Section{}, false
	}
	t.Columns[2].Name = "dropped"
	return document.Section{Heading: book.Text("drops heading", nil), Blocks: []document.Block{t}}, true
}

func callErrors(s *watched.Sum) (document.Section, bool) {
	if s.Errors == nil {
		return document.Section{}, false
	}
	t := document.Table{Columns: slices.Concat(document.Text("call", "errno"), document.Numeric("times"))}
	for _, call := range []struct {
		name   string
		counts map[string]uint64
	}{{"read", s.Errors.Read}, {"write", s.Errors.Write}} {
		for _, errno := range slices.Sorted(maps.Keys(call.counts)) {
			t.Rows = append(t.Rows, document.Row(call.name, errno, text.Count(call.counts[errno])))
		}
	}
	if len(t.Rows) == 0 {
		return document.Section{}, false
	}
	return document.Section{Heading: book.Text("errors heading", nil), Blocks: []document.Block{t}}, true
}

func device(s *watched.Sum) document.Section {
	d := s.Device
	list := document.Bullets{book.Say("settings", prose.Values{
		"Mode": strings.ToUpper(d.Mode), "Flags": strings.Join(d.Flags, " "), "MTU": d.MTU, "Qdisc": d.Qdisc, "TxQLen": d.TxQLen, "Vnet": VnetText(d),
		"Queues": text.Plural(d.Queues, "queue", "queues"), "Detached": d.Detached, "Carrier": d.Carrier, "Bridge": d.Bridge,
	})}
	if len(d.Offloads) > 0 {
		list = append(list, book.Say("offloads", prose.Values{"List": strings.Join(d.Offloads, ", ")}))
	}
	for _, o := range d.Owners {
		list = append(list, prose.Say(OwnerText(o)))
	}
	if len(d.Owners) == 0 {
		list = append(list, book.Say("nobody", nil))
	}
	c := s.Counters
	list = append(list, book.Say("counters", prose.Values{
		"Tx": text.Count(c.TxPackets), "Rx": text.Count(c.RxPackets), "TxDropped": text.Count(c.TxDropped), "RxDropped": text.Count(c.RxDropped),
	}))
	return document.Section{Heading: book.Text("device heading", nil), Blocks: []document.Block{list}}
}

// VnetText is the size of a device's virtio-net header, as it stands behind "virtio-net header".
func VnetText(d live.Device) string {
	size := 0
	if d.VnetHdrSz != nil {
		size = *d.VnetHdrSz
	}
	return book.Text("vnet", prose.Values{"Known": d.VnetHdrSz != nil, "Size": size})
}

// OwnerText says who holds a queue.
func OwnerText(o live.Owner) string {
	queue := 0
	if o.Queue != nil {
		queue = *o.Queue
	}
	return book.Text("owner", prose.Values{
		"Known": o.Queue != nil, "Queue": queue, "Comm": o.Comm, "PID": o.PID, "FD": o.FD, "Vhost": strings.Join(o.Vhost, ", "),
	})
}
