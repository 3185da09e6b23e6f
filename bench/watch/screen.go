package watch

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	documentwatch "tunbench/reports/document/watch"
	"tunbench/reports/live"
	"tunbench/reports/record"
	"tunbench/reports/screen"
	"tunbench/reports/text"
	"tunbench/reports/watched"
)

// enter and leave are the control sequences for the screen that programs draw on, without a
// cursor, and for the one before it.
const (
	enter = "\x1b[?1049h\x1b[?25l"
	leave = "\x1b[?25h\x1b[?1049l"
)

// frame draws lines over what was there.
func frame(lines []string, s screen.Screen) string {
	if s.Rows > 0 && len(lines) > s.Rows {
		lines = lines[:s.Rows]
	}
	return "\x1b[H" + strings.Join(lines, "\x1b[K\r\n") + "\x1b[K\x1b[J"
}

// draw shows an interval in the rows and columns of s.
func draw(s screen.Screen, w live.Watch, total *watched.Sum, events []string) []string {
	d := w.Device
	columns := max(s.Columns, 40)
	fit := func(line string) string { return s.Text(clipEnd(line, columns)) }
	var lines []string
	add := func(format string, args ...any) { lines = append(lines, fit(fmt.Sprintf(format, args...))) }
	head := fmt.Sprintf("%s  %s in %s  %s, %s", d.Name, strings.ToUpper(d.Mode), d.Netns, text.Plural(d.Queues, "queue", "queues"), state(d))
	lines = append(lines, s.Paint(screen.Strong, fit(head)))
	add("mtu %d  qdisc %s  txqlen %d  %s%s  hook %s", d.MTU, d.Qdisc, d.TxQLen, vnet(d), bridge(d), hook(w))
	add("held by %s", holders(d))
	lines = append(lines, "")
	lines = append(lines, rates(s, w, total, columns)...)
	lines = append(lines, "")
	above := lines
	lines = nil
	add("")
	if len(w.GSO) > 0 {
		var list []string
		for _, g := range w.GSO {
			list = append(list, fmt.Sprintf("%s %s %s x %s", arrow(g.Dir), g.Type, text.Count(g.SKBs), text.Decimals(float64(g.Pkts)/float64(max(g.SKBs, 1)), 1)))
		}
		add("GSO packets x segments: %s", strings.Join(list, ", "))
	}
	add("drops: %s", reasons(w))
	if f := w.Flows; f != nil {
		if f.Count > 0 {
			add("%s, the heaviest:", text.Plural(f.Count, "flow", "flows"))
		} else {
			add("no flow")
		}
		for _, h := range f.Heaviest {
			add("  %s %s %s to %s: %s packets", arrow(h.Dir), h.Proto, h.Src, h.Dst, text.Count(h.Pkts))
		}
	}
	if w.Errors != nil {
		add("errors: read %s; write %s", counts(w.Errors.Read), counts(w.Errors.Write))
	}
	if w.Missed > 0 {
		lines = append(lines, s.Paint(screen.Caution, fit(fmt.Sprintf("at most %s events were not counted", text.Count(w.Missed)))))
	}
	if c := w.Cost; c != nil {
		add("watching changes the packet rate by %s %% (%s to %s %%); BPF says %s ns a packet", text.Precisely(c.PPSChange), text.Precisely(c.CI[0]), text.Precisely(c.CI[1]), text.PerPacket(c.RunNsPerPkt))
	}
	if len(events) > 0 {
		const most = 3 // lines
		text := screen.Wrap(events[len(events)-1], columns, "  ")
		for _, line := range text[:min(most, len(text))] {
			lines = append(lines, s.Paint(screen.Caution, fit(line)))
		}
	}
	return slices.Concat(above, queueRows(s, w, columns, s.Rows-len(above)-len(lines)), lines)
}

// clipEnd shortens a line to that many columns.
func clipEnd(line string, columns int) string {
	if screen.Width(line) <= columns {
		return line
	}
	for screen.Width(line) > columns-1 {
		runes := []rune(line)
		line = string(runes[:len(runes)-1])
	}
	return line + "…"
}

func vnet(d live.Device) string {
	switch {
	case d.VnetHdrSz == nil:
		return "vnet header unknown"
	case *d.VnetHdrSz == 0:
		return "no vnet header"
	}
	return fmt.Sprintf("vnet header %d", *d.VnetHdrSz)
}

func bridge(d live.Device) string {
	if d.Bridge == "" {
		return ""
	}
	return "  bridge " + d.Bridge
}

func hook(w live.Watch) string {
	if w.Hook == "" {
		return "none"
	}
	return w.Hook
}

func arrow(dir string) string {
	if dir == "u2k" {
		return "written"
	}
	return "read"
}

// holders names who holds the queues, each process once.
func holders(d live.Device) string {
	if len(d.Owners) == 0 {
		return "nobody"
	}
	var list []string
	byPID := map[int]int{}
	for _, o := range d.Owners {
		byPID[o.PID]++
	}
	for _, o := range d.Owners {
		n := byPID[o.PID]
		if n == 0 {
			continue
		}
		byPID[o.PID] = 0
		entry := fmt.Sprintf("%s[%d]", o.Comm, o.PID)
		if n > 1 {
			entry += fmt.Sprintf(" (%d queues)", n)
		}
		if len(o.Vhost) > 0 {
			entry += " with " + strings.Join(o.Vhost, ", ")
		}
		list = append(list, entry)
	}
	return strings.Join(list, ", ")
}

// rates are the sums of all queues, with their course.
func rates(s screen.Screen, w live.Watch, total *watched.Sum, columns int) []string {
	var one watched.Sum
	one.Add(w)
	t := documentwatch.TotalsOf(&one)
	per := func(n uint64) float64 { return float64(n) * 1e9 / float64(max(w.IntervalNs, 1)) }
	spark := max(columns-50, 8)
	last := total.Points[max(0, len(total.Points)-spark):]
	course := func(of func(watched.Point) float64) string {
		var values []float64
		for _, p := range last {
			values = append(values, of(p))
		}
		return s.Spark(values, spark)
	}
	unit := text.Scale{Div: 1e6, Unit: "Mbit/s"}
	if 8*per(max(t.ReadBytes, t.ReceivedBytes)) >= 1e9 {
		unit = text.Scale{Div: 1e9, Unit: "Gbit/s"}
	}
	row := func(name string, pkts, bytes uint64, of func(watched.Point) float64) string {
		size := text.Absent
		if pkts > 0 {
			size = text.Decimals(float64(bytes)/float64(pkts), 0)
		}
		return s.Text(fmt.Sprintf("%-8s%9s kpps%9s %s%6s B  ", name, text.Figure(per(pkts)/1e3), text.Figure(8*per(bytes)/unit.Div), unit.Unit, size)) + course(of)
	}
	return []string{
		row("read", t.Read, t.ReadBytes, func(p watched.Point) float64 { return p.Read }),
		row("written", t.Received, t.ReceivedBytes, func(p watched.Point) float64 { return p.Received }),
		s.Text(fmt.Sprintf("%-8s%9s kpps%26s", "dropped", text.Figure(per(t.Dropped)/1e3), "")) + course(func(p watched.Point) float64 { return p.Dropped }),
	}
}

// column is a figure of each queue.
type column struct {
	name  string
	width int
	of    func(live.Queue) string
}

// queueColumns are the figures of queues in an interval of so many ns, as many as there is
// room for in so many columns.
func queueColumns(interval int64, columns int) []column {
	per := func(n uint64) string { return text.Figure(float64(n) / 1e3 * 1e9 / float64(max(interval, 1))) }
	quantile := func(of func(*record.Latency) *uint64) func(live.Queue) string {
		return func(q live.Queue) string {
			if q.Residency == nil {
				return text.Absent
			}
			return duration(of(q.Residency))
		}
	}
	all := []column{
		{"queue", 5, func(q live.Queue) string { return strconv.Itoa(q.Queue.Queue) }},
		{"read", 10, func(q live.Queue) string { return per(q.ReadPkts) }},
		{"written", 10, func(q live.Queue) string { return per(q.RecvPkts) }},
		{"drops", 9, func(q live.Queue) string { return per(q.DropPkts) }},
		{"p50", 9, quantile(func(l *record.Latency) *uint64 { return l.P50Ns })},
		{"p99", 9, quantile(func(l *record.Latency) *uint64 { return l.P99Ns })},
		{"p99.9", 9, quantile(func(l *record.Latency) *uint64 { return l.P999Ns })},
		{"depth", 8, func(q live.Queue) string {
			if q.Depth == nil {
				return text.Absent
			}
			return text.Count(q.Depth.Max)
		}},
	}
	width := 0
	for i, c := range all {
		if width += c.width; width > columns {
			return all[:i]
		}
	}
	return all
}

// queueRows has a row for each queue that there is room for in so many rows.
func queueRows(s screen.Screen, w live.Watch, columns, rows int) []string {
	if len(w.Queues) == 0 {
		return nil
	}
	if s.Rows > 0 && rows < 3 && rows < 1+len(w.Queues) {
		return []string{"      " + text.Plural(len(w.Queues), "queue", "queues")}
	}
	figures := queueColumns(w.IntervalNs, columns)
	row := func(of func(column) string) (line string) {
		for _, c := range figures {
			line += fmt.Sprintf("%*s", c.width, of(c))
		}
		return line + " "
	}
	head := row(func(c column) string { return c.name })
	bar := columns - screen.Width(head)
	lines := []string{s.Paint(screen.Faint, s.Text(clipEnd(head+share(bar), columns)))}
	var most uint64
	for _, q := range w.Queues {
		most = max(most, q.ReadPkts+q.RecvPkts)
	}
	room := len(w.Queues)
	if s.Rows > 0 && room > rows-1 {
		room = rows - 2 // one says how many are left out
	}
	for _, q := range w.Queues[:room] {
		line := s.Text(row(func(c column) string { return c.of(q) }))
		if bar > 2 && most > 0 {
			full := "█"
			if s.ASCII {
				full = "#"
			}
			line += strings.Repeat(full, int(float64(bar)*float64(q.ReadPkts+q.RecvPkts)/float64(most)))
		}
		lines = append(lines, s.Text(clipEnd(line, columns)))
	}
	if more := len(w.Queues) - room; more > 0 {
		lines = append(lines, fmt.Sprintf("      and %s", text.Plural(more, "queue", "queues")))
	}
	return lines
}

// share heads the bars, if there is room.
func share(columns int) string {
	if columns < 6 {
		return ""
	}
	return "share"
}

func duration(ns *uint64) string {
	if ns == nil {
		return text.Absent
	}
	return text.Duration(float64(*ns))
}

// reasons are the drops of the interval, the most frequent first.
func reasons(w live.Watch) string {
	if w.Unobserved != "" {
		return fmt.Sprintf("%s to readers, %s from writers (by the device's counters)", text.Count(w.Counters.TxDropped), text.Count(w.Counters.RxDropped))
	}
	all := map[string]uint64{}
	for reason, n := range w.Dropped {
		all[reason+" to readers"] += n
	}
	for reason, n := range w.RecvDropped {
		all[reason+" from writers"] += n
	}
	return counts(all)
}

func counts(m map[string]uint64) string {
	if len(m) == 0 {
		return "none"
	}
	var list []string
	for _, name := range slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		if m[a] != m[b] {
			if m[a] > m[b] {
				return -1
			}
			return 1
		}
		return strings.Compare(a, b)
	}) {
		list = append(list, name+" "+text.Count(m[name]))
	}
	return strings.Join(list, ", ")
}
