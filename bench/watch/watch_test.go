package watch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"tunbench/harness/netns"
	"tunbench/harness/tuntap"
	"tunbench/harness/watch"
	"tunbench/reports/document"
	documentwatch "tunbench/reports/document/watch"
	"tunbench/reports/live"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/screen"
	"tunbench/reports/watched"
)

// example is an interval of a device with so many queues, at its end.
func example(queues int, second int64) live.Watch {
	vnet, ns := 12, func(v uint64) *uint64 { return &v }
	w := live.Watch{
		TNs: second * 1e9, IntervalNs: 1e9, Hook: "kprobe", SampleEvery: 16,
		Device: live.Device{
			Device: record.Device{Name: "tun0", Flags: []string{"IFF_UP"}, Qdisc: "fq_codel", TxQLen: 500, MTU: 1500}, VnetHdrSz: &vnet, Mode: "tun", Netns: "vpn", Queues: queues, Carrier: true,
			Owners: []live.Owner{{PID: 4711, Comm: "openvpn", FD: 6}, {PID: 4711, Comm: "openvpn", FD: 7}},
		},
		Dropped: map[string]uint64{"FULL_RING": 1200}, RecvDropped: map[string]uint64{"SOCKET_RCVBUFF": 30},
		GSO:     []live.GSO{{Dir: "k2u", Type: "tcp4", SKBs: 900, Pkts: 40000}},
		Latency: map[string]record.Latency{record.Residency: {Count: 100, MinNs: 1000, MaxNs: 9e6, P50Ns: ns(41000), P99Ns: ns(240000), Buckets: [][2]uint64{{1000, 50}, {40960, 50}}}},
		Cost:    &live.Cost{PPSChange: -0.012, CI: [2]float64{-0.021, -0.004}, Pairs: 9},
		Missed:  3,
	}
	for i := range queues {
		q := live.Queue{Queue: record.Queue{Queue: i, ReadPkts: uint64(1000 * (i + 1)), ReadBytes: uint64(1400000 * (i + 1)), RecvPkts: 50, RecvBytes: 5000, DropPkts: 12}}
		q.Residency = &record.Latency{P50Ns: ns(41000), P99Ns: ns(240000)}
		q.Depth = &record.Depth{Max: 500}
		w.Queues = append(w.Queues, q)
	}
	return w
}

// TestDraw holds that a screen fits its terminal and says what matters, with few queues and
// with many.
func TestDraw(t *testing.T) {
	for _, queues := range []int{1, 4, 64} {
		for _, size := range [][2]int{{80, 24}, {160, 50}, {60, 20}} {
			for _, ascii := range []bool{false, true} {
				s := screen.Screen{Columns: size[0], Rows: size[1], Live: true, ASCII: ascii}
				var total watched.Sum
				for i := range int64(100) {
					total.Add(example(queues, i))
				}
				lines := draw(s, example(queues, 100), &total, []string{"12:00:00 tun0 has 4 queues now", "12:00:01 errors are not known, since " + strings.Repeat("so it is, ", 7) + "in short"})
				name := fmt.Sprintf("%d queues, %v, ASCII %v:\n%s", queues, size, ascii, strings.Join(lines, "\n"))
				if len(lines) > size[1] {
					t.Errorf("%d lines, %s", len(lines), name)
				}
				for _, l := range lines {
					if w := screen.Width(l); w > size[0] {
						t.Errorf("%d columns: %q, %s", w, l, name)
					}
					if ascii && strings.ContainsFunc(l, func(r rune) bool { return r > 126 }) {
						t.Errorf("not ASCII: %q", l)
					}
				}
				for _, want := range []string{"tun0  TUN in vpn", "openvpn[4711] (2 queues)", "FULL_RING to readers 1,200", "at most 3 events", "12:00:01 errors", "in short", "240", "tcp4"} {
					if !strings.Contains(strings.Join(lines, "\n"), want) {
						t.Errorf("no %q, %s", want, name)
					}
				}
				if queues == 64 && !strings.Contains(strings.Join(lines, "\n"), "and ") {
					t.Errorf("queues are left out without a word, %s", name)
				}
			}
		}
	}
}

// TestState: a device that is down is not said to lack a carrier, of which nothing is known.
func TestState(t *testing.T) {
	w := example(1, 1)
	for _, c := range []struct {
		flags   []string
		carrier bool
		want    string
	}{
		{[]string{"IFF_UP", "IFF_TUN"}, true, "1 queue, carrier"},
		{[]string{"IFF_UP", "IFF_TUN"}, false, "1 queue, no carrier"},
		{[]string{"IFF_TUN"}, false, "1 queue, down"},
	} {
		w.Device.Flags, w.Device.Carrier = c.flags, c.carrier
		head := draw(screen.Screen{Columns: 80, Rows: 24}, w, &watched.Sum{}, nil)[0]
		if !strings.HasSuffix(head, c.want) {
			t.Errorf("%q, want %q", head, c.want)
		}
	}
}

// TestHeader: a header whose size nobody could tell is not said to be none.
func TestHeader(t *testing.T) {
	none, twelve := 0, 12
	for _, c := range []struct {
		size           *int
		screen, report string
	}{
		{nil, "txqlen 500  vnet header unknown", "virtio-net header of unknown size;"},
		{&none, "txqlen 500  no vnet header", "virtio-net header none;"},
		{&twelve, "txqlen 500  vnet header 12", "virtio-net header 12 bytes;"},
	} {
		w := example(1, 1)
		w.Device.VnetHdrSz = c.size
		var total watched.Sum
		total.Add(w)
		if got := draw(screen.Screen{Columns: 80, Rows: 24}, w, &total, nil)[1]; !strings.Contains(got, c.screen) {
			t.Errorf("the screen says %q, want %q", got, c.screen)
		}
		files, err := render.MarkdownFiles(documentwatch.New(&total, nil, ""), false)
		if err != nil || !strings.Contains(string(files[0].Content), c.report) {
			t.Errorf("%v: no %q in\n%s", err, c.report, files[0].Content)
		}
	}
}

// TestFrame holds that a frame leaves nothing of a longer one before it, and never scrolls.
func TestFrame(t *testing.T) {
	got := frame([]string{"a", "b", "c"}, screen.Screen{Rows: 2})
	if got != "\x1b[Ha\x1b[K\r\nb\x1b[K\x1b[J" {
		t.Errorf("%q", got)
	}
}

// TestSay holds that what happens is told at once: before the screen is drawn as a line, and
// then on it, since no interval ends while a device is waited for.
func TestSay(t *testing.T) {
	var stdout, stderr bytes.Buffer
	w := &command{Config: Config{Stdout: &stdout, Stderr: &stderr}}
	w.say("%s: waiting for it", "tun0")
	if stdout.String() != "" || stderr.String() != "tun0: waiting for it\n" {
		t.Errorf("before the screen: stdout %q, stderr %q", stdout.String(), stderr.String())
	}
	stderr.Reset()
	w.live, w.shown = true, example(1, 1)
	w.say("tun0 in vpn has gone away")
	if got := stdout.String(); !strings.HasPrefix(got, "\x1b[H") || !strings.Contains(got, "tun0 in vpn has gone away") || stderr.String() != "" {
		t.Errorf("on the screen: stdout %q, stderr %q", got, stderr.String())
	}
	stdout.Reset()
	w.live, w.Quiet = false, true
	w.say("tun0 is back")
	if stdout.String()+stderr.String() != "" || len(w.events) != 3 {
		t.Errorf("quiet: stdout %q, stderr %q, %d events", stdout.String(), stderr.String(), len(w.events))
	}
}

// TestSummary holds that a mean rate can be told from the numbers beside it: where the observer
// was off for a part of the time, both times are given.
func TestSummary(t *testing.T) {
	for name, c := range map[string]struct {
		between int64 // ns that are not counted between two intervals of a second
		want    string
	}{
		"all of it": {0, "was watched for 2s: readers took 2,000 packets (a mean of 1,000 packets/s, 11.2 Mbit/s) and writers gave 100 (50.0 packets/s, 40.0 kbit/s)"},
		"--cost":    {3e9, "was watched for 5s, of which 2s are counted: readers took 2,000 packets (a mean of 1,000 packets/s, 11.2 Mbit/s) and writers gave 100 (50.0 packets/s, 40.0 kbit/s)"},
	} {
		var total watched.Sum
		for i := range int64(2) {
			w := example(1, 10)
			w.TNs += i * (1e9 + c.between)
			total.Add(w)
		}
		var out bytes.Buffer
		summary(&out, documentwatch.New(&total, nil, ""))
		if !strings.Contains(out.String(), c.want) {
			t.Errorf("%s: %q has no %q", name, out.String(), c.want)
		}
	}
}

// TestSummaryOfFew holds that a packet is one, and that a quantile for which there are too few
// packets is no dash within a sentence.
func TestSummaryOfFew(t *testing.T) {
	for packets, want := range map[uint64][]string{
		1:    {"readers took 1 packet (", "; 1 was dropped.", "A packet stayed in the device for at most 100 µs, by 1 packet that was timed."},
		30:   {"readers took 30 packets (", "; 30 were dropped.", "A packet stayed in the device for 100 µs (p50) and at most 100 µs, by 30 packets that were timed."},
		5000: {"readers took 5,000 packets (", "; 5,000 were dropped.", "stayed in the device for 100 µs (p50), 100 µs (p99) and at most 100 µs, by 5,000 packets that were timed."},
	} {
		w := example(1, 1)
		w.Queues[0].ReadPkts, w.Dropped, w.RecvDropped = packets, map[string]uint64{"FULL_RING": packets}, nil
		w.Latency = map[string]record.Latency{record.Residency: {Count: packets, MinNs: 100_000, MaxNs: 100_000, Buckets: [][2]uint64{{100_000, packets}}}}
		var total watched.Sum
		total.Add(w)
		var out bytes.Buffer
		summary(&out, documentwatch.New(&total, nil, ""))
		for _, part := range want {
			if !strings.Contains(out.String(), part) {
				t.Errorf("%d packets: no %q in %q", packets, part, out.String())
			}
		}
	}
}

// TestReportsAreFinite holds that no report has a number that is none, whatever little was seen.
func TestReportsAreFinite(t *testing.T) {
	notFinite := regexp.MustCompile(`(^|[^A-Za-z])(NaN|Inf)($|[^A-Za-z])`)
	idle := example(2, 1)
	idle.GSO, idle.Dropped, idle.Cost, idle.Missed = []live.GSO{{Dir: "k2u", Type: "tcp4"}}, map[string]uint64{"FULL_RING": 0}, &live.Cost{}, 0
	idle.Latency = map[string]record.Latency{record.Residency: {}}
	for i := range idle.Queues {
		idle.Queues[i] = live.Queue{Queue: record.Queue{Queue: i, Residency: &record.Latency{}, Depth: &record.Depth{}}}
	}
	for name, intervals := range map[string][]live.Watch{
		"traffic": {example(2, 1), example(2, 2)}, "one interval": {example(2, 1)}, "idle": {idle, idle}, "idle at first": {idle, example(2, 2)},
		"nothing is known": {{IntervalNs: 1e9, TNs: 1e9, Hook: "none", Unobserved: "no BTF"}}, "none": nil,
	} {
		var total watched.Sum
		for _, w := range intervals {
			total.Add(w)
		}
		doc := documentwatch.New(&total, nil, "")
		files, err := render.MarkdownFiles(doc, false)
		if err != nil {
			t.Fatal(err)
		}
		page, err := render.HTMLFiles(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range append(files, page...) {
			if bad := notFinite.Find(f.Content); bad != nil {
				t.Errorf("%s: %s has %q", name, f.Name, bad)
			}
		}
	}
	if !notFinite.MatchString("a mean of NaN packets/s") || notFinite.MatchString("Information") {
		t.Error("what is looked for is not found")
	}
}

// TestTake holds that each interval is shown: drawn over the last one, below it on a terminal
// that cannot redraw, or as a record.
func TestTake(t *testing.T) {
	for name, c := range map[string]struct {
		w     command
		begin string
	}{
		"a screen": {command{live: true, screen: screen.Screen{Columns: 80, Live: true}}, "\x1b[Htun0  TUN in vpn"},
		"a log":    {command{screen: screen.Screen{Columns: 80}}, "tun0  TUN in vpn"},
		"a pipe":   {command{}, `{"kind":"watch"`},
		"--json":   {command{Config: Config{JSON: true}, screen: screen.Screen{Columns: 80, Live: true}}, `{"kind":"watch"`},
	} {
		var stdout bytes.Buffer
		c.w.Stdout = &stdout
		for i := range int64(2) {
			if err := c.w.take(example(1, i+1)); err != nil {
				t.Fatal(err)
			}
		}
		got := stdout.String()
		if !strings.HasPrefix(got, c.begin) || strings.Count(got, c.begin) != 2 || !strings.HasPrefix(c.begin, "\x1b") && strings.Contains(got, "\x1b") {
			t.Errorf("%s: %q does not begin twice with %q", name, got, c.begin)
		}
	}
}

// TestFullDisk holds that the error of a full disk names the file, once.
func TestFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	w := command{file: full, Config: Config{Stdout: io.Discard}}
	if err := w.take(example(1, 1)); err == nil || err.Error() != "write /dev/full: no space left on device" {
		t.Error(err)
	}
}

// TestMemoryIsBounded holds that a long session takes no more memory than a short one.
func TestMemoryIsBounded(t *testing.T) {
	var s watched.Sum
	for i := range int64(10_000) {
		s.Add(example(4, i))
	}
	if len(s.Points) > watched.MostPoints || len(s.Residency.Buckets) != 2 || s.Residency.Count != 100*10_000 {
		t.Errorf("%d points, %d buckets, %d samples", len(s.Points), len(s.Residency.Buckets), s.Residency.Count)
	}
	if s.Queues[3].ReadPkts != 4000*10_000 || s.Dropped["FULL_RING"] != 1200*10_000 || s.Observed != 10_000e9 {
		t.Errorf("%+v", s.Queues)
	}
	for _, p := range s.Points {
		if math.Abs(p.Read-10_000) > 1e-6 || p.P99 != 240000 {
			t.Fatalf("%+v, want 10,000 packets a second in each point", p)
		}
	}
	if last := s.Points[len(s.Points)-1]; last.Seconds != 10_000 {
		t.Errorf("the last point is at %g s", last.Seconds)
	}
}

// TestRun watches a device under traffic: records on stdout, a folder with the same
// records and a report.
func TestRun(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	ns, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	defer ns.Close()
	var d *tuntap.Device
	err = ns.Do(func() (err error) {
		d, err = tuntap.Create(tuntap.Config{Name: "run0", Queues: 1, NonBlock: true})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := ns.Configure("run0", netns.Link{Addr: []netip.Prefix{netip.MustParsePrefix("198.51.100.1/24")}}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	defer func() { cancel(); <-done }()
	go func() {
		defer close(done)
		var c *net.UDPConn
		err := ns.Do(func() (err error) {
			c, err = net.DialUDP("udp4", nil, net.UDPAddrFromAddrPort(netip.MustParseAddrPort("198.51.100.2:9")))
			return err
		})
		for err == nil && ctx.Err() == nil {
			_, err = c.Write(make([]byte, 100)) // the ring is soon full: the rest is dropped
			time.Sleep(100 * time.Microsecond)
		}
	}()
	out := filepath.Join(t.TempDir(), "out")
	var stdout, stderr bytes.Buffer
	c := Config{
		Options:  watch.Options{Device: "run0", Hook: record.HookAuto, Interval: 100 * time.Millisecond, Flows: true},
		Duration: 550 * time.Millisecond, Out: out, Format: "html", Stdout: &stdout, Stderr: &stderr,
		Host: func() record.Host { return record.Host{Kernel: "6.18.0", CPU: "a CPU", CPUs: 2} }, Tool: record.Tool{Version: "v0.1.0"},
	}
	if err := Run(t.Context(), c); err != nil {
		t.Fatalf("%v\n%s", err, stderr.String())
	}
	lines := strings.Split(strings.TrimSpace(stdout.String()), "\n")
	if len(lines) < 5 || len(lines) > 7 {
		t.Errorf("%d records of 550 ms", len(lines))
	}
	var xmit, dropped, flows uint64
	for _, l := range lines {
		var w live.Watch
		if err := json.Unmarshal([]byte(l), &w); err != nil {
			t.Fatalf("%v: %s", err, l)
		}
		if w.Kind != live.Kind || w.Device.Name != "run0" || len(w.Queues) != 1 || w.IntervalNs <= 0 {
			t.Errorf("%s", l)
		}
		xmit += w.Queues[0].XmitPkts
		dropped += w.Counters.TxDropped
		for _, f := range w.Flows.Heaviest {
			if f.Dst != "198.51.100.2:9" || f.Proto != "udp" || f.Dir != "k2u" {
				t.Errorf("flow %+v", f)
			}
			flows += f.Pkts
		}
		for _, empty := range []string{`"dropped":null`, `"owners":null`, `"gso":null`} {
			if strings.Contains(l, empty) {
				t.Errorf("%s in %s", empty, l)
			}
		}
	}
	if xmit == 0 || dropped == 0 || flows*100 < 95*xmit || flows*100 > 105*xmit {
		t.Errorf("%d packets, %d dropped, %d in flows", xmit, dropped, flows)
	}
	kept, err := os.ReadFile(filepath.Join(out, FileName))
	if err != nil || string(kept) != stdout.String() {
		t.Errorf("the file differs from stdout (%v)", err)
	}
	report, err := os.ReadFile(filepath.Join(out, "report.md"))
	if err != nil || !strings.Contains(string(report), `FULL\_RING`) || !strings.Contains(string(report), "time.svg") {
		t.Errorf("%v\n%s", err, report)
	}
	picture, err := os.ReadFile(filepath.Join(out, "time.svg"))
	foot := regexp.MustCompile(`(?m)^<text class="source".*>2 × a CPU · Linux 6\.18\.0 · 20[0-9-]+ [0-9:]+ UTC · tunbench v0\.1\.0 · n = [0-9]+ intervals</text>$`)
	if err != nil || !foot.Match(picture) {
		t.Errorf("%v: the picture does not say where it comes from:\n%s", err, picture)
	}
	page, err := os.ReadFile(filepath.Join(out, "report.html"))
	if err != nil {
		t.Error(err)
	}
	for _, want := range []string{"<!DOCTYPE html>", "<svg", "FULL_RING", "<title>"} {
		if !strings.Contains(string(page), want) {
			t.Errorf("the page has no %s", want)
		}
	}
	for _, name := range []string{"report.md", "report.html"} {
		if want := "report: " + filepath.Join(out, name) + "\n"; !strings.Contains(stderr.String(), want) {
			t.Errorf("%q is not told: %s", want, stderr.String())
		}
	}
	if err := Run(t.Context(), c); err == nil || !strings.Contains(err.Error(), "choose another folder") {
		t.Errorf("into the same folder: %v", err)
	}
	// A device that is not there leaves nothing behind.
	c.Device, c.Out, c.Format = "run0", filepath.Join(t.TempDir(), "markdown"), "markdown"
	if err := Run(t.Context(), c); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(c.Out, "report.html")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a page that was not asked for: %v", err)
	}
	c.Device, c.Out = "none0", filepath.Join(t.TempDir(), "none")
	if err := Run(t.Context(), c); err == nil {
		t.Error("a device that is not there was watched")
	}
	if _, err := os.Stat(c.Out); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder is left: %v", err)
	}
}

func TestCheck(t *testing.T) {
	for want, change := range map[string]func(*Config){
		"":                                func(*Config) {},
		"--interval 1ms: choose at least": func(c *Config) { c.Interval = time.Millisecond },
		"--duration -5s: choose how long": func(c *Config) { c.Duration = -5 * time.Second },
		"--hook none attaches nothing to the kernel: leave out --flows":   func(c *Config) { c.Hook, c.Flows = "none", true },
		"--hook none attaches nothing to the kernel: leave out --returns": func(c *Config) { c.Hook, c.Returns = "none", true },
		`--format "pdf": choose markdown or`:                              func(c *Config) { c.Format, c.Out = "pdf", "x" },
		"--format html writes a report: name a folder":                    func(c *Config) { c.Format = "html" },
	} {
		c := Config{Options: watch.Options{Interval: time.Second}, Format: "markdown"}
		change(&c)
		if err := c.Check(); want == "" && err != nil || want != "" && (err == nil || !strings.HasPrefix(err.Error(), want)) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	html := Config{Options: watch.Options{Interval: time.Second, Hook: "kprobe", Flows: true, Cost: true}, Duration: time.Minute, Format: "html", Out: "x"}
	if err := html.Check(); err != nil {
		t.Error(err)
	}
}

func TestCostNeedsPairs(t *testing.T) {
	w := &command{Config: Config{Options: watch.Options{Cost: true}}}
	for i := range 12 {
		c := w.cost(live.Watch{Changes: []float64{math.Log(0.98 + float64(i%3)/1000)}})
		if (c != nil) != (i+1 >= leastPairs) {
			t.Fatalf("after %d pairs: %+v", i+1, c)
		}
		if c != nil && (c.PPSChange > -0.017 || c.PPSChange < -0.021 || c.CI[0] > c.PPSChange || c.CI[1] < c.PPSChange || c.Pairs != i+1) {
			t.Errorf("after %d pairs: %+v, want about -2 %%", i+1, c)
		}
	}
	if c := w.cost(live.Watch{}); c.Pairs != 12 {
		t.Errorf("an interval without packets counts: %+v", c)
	}
	if c := w.cost(live.Watch{Changes: make([]float64, 1000)}); c.Pairs != 400 {
		t.Errorf("%d pairs, want a sample of 400", c.Pairs)
	}
}

// TestColumnNames holds that no two columns of a table have one name: a table is read by
// its heads.
func TestColumnNames(t *testing.T) {
	distinct := func(where string, names []string) {
		t.Helper()
		if slices.Sort(names); len(slices.Compact(slices.Clone(names))) != len(names) || len(names) < 2 {
			t.Errorf("%s: %q", where, names)
		}
	}
	var total watched.Sum
	total.Add(example(4, 1))
	tables := 0
	for _, s := range documentwatch.New(&total, nil, "").Sections {
		for _, b := range s.Blocks {
			if table, ok := b.(document.Table); ok {
				tables++
				var names []string
				for _, c := range table.Columns {
					names = append(names, c.Name)
				}
				distinct(s.Heading, names)
			}
		}
	}
	if tables < 2 {
		t.Errorf("%d tables", tables)
	}
	var names []string
	for _, c := range queueColumns(1e9, 80) {
		names = append(names, c.name)
	}
	distinct("the screen", names)
}
