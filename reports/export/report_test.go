package export

import (
	"bytes"
	"flag"
	"fmt"
	"io"
	"math"
	"math/bits"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/reports/axis"
	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/document/run"
	"tunbench/reports/figure"
	"tunbench/reports/metric"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/text"
)

var update = flag.Bool("update", false, "write the golden files anew")

const hostile = "a|b `c` *d* _e_ <script>alert(1)</script> [x](http://evil.example) &amp; ~~f~~ # $1$ @me www.evil.example\n| new | row |\n</details>\x1b[31m\u202e\\"

// synthetic is a run as the default suite makes it, with everything that can
// go wrong in it.
func synthetic() *record.File {
	rng := rand.New(rand.NewPCG(1, 2))
	f := &record.File{
		Run: &record.Run{
			Kind: record.KindRun, Schema: 1, ID: "01JD3", Started: "2026-11-20T22:51:07Z",
			Tool: record.Tool{Version: "v0.1.0", Commit: "0123abc", Go: "go1.26.8"}, Clock: "monotonic", Suite: "default", Seed: 42,
			Args: []string{"run", "--suite", "default", "--cpus", "0-1"},
			Host: record.Host{
				Kernel: "6.18.0", KernelVersion: "#1 SMP PREEMPT_DYNAMIC Mon Nov 10 10:00:00 UTC 2026", Arch: "x86_64",
				CPU: "AMD EPYC 7763 64-Core Processor", CPUs: 2, SMT: "on", Virt: "kvm", Clocksource: "kvm-clock",
				Cmdline: "console=ttyS0 root=/dev/vda1 quiet `x` a|b", MemoryBytes: 8 << 30,
				Mitigations: map[string]string{"spectre_v2": "Mitigation: Retpolines; IBPB: conditional", "meltdown": "Not affected"},
				Config:      map[string]string{"CONFIG_TUN": "y", "CONFIG_KPROBES": "n", "CONFIG_PREEMPT_DYNAMIC": "y"},
				Sysctl:      map[string]string{"net.core.wmem_max": "212992", "kernel.bpf_stats_enabled": "0"},
			},
			Hook: record.Hook{
				Requested: "auto", Used: "tracepoint",
				PassedOver: []record.PassedOver{
					{Hook: "kprobe", Reason: "kprobes are not compiled into this kernel (CONFIG_KPROBES)"},
					{Hook: "fentry", Reason: "load tunobs_fentry_xmit: operation not permitted"},
				},
				Programs: []record.Program{
					{Name: "tp_start_xmit", Kind: "tracepoint", Target: "net_dev_start_xmit"},
					{Name: "tp_copy", Kind: "tracepoint", Target: "skb_copy_datagram_iovec"},
				},
			},
			Floor: record.Floor{SyscallNs: 86.2, CopyNs: map[string]float64{"64": 30.1, "1500": 58.7, "65536": 1200}},
		},
	}
	type kind struct {
		mode           string
		queues         int
		size           int
		vnet           int
		offload        string
		flows          int
		pps, loss, p50 float64
	}
	kinds := []kind{
		{"Tun", 1, 64, 0, "", 1, 1.27e6, 0, 380e3},
		{"Tun", 1, 1500, 0, "", 1, 0.84e6, 0.021, 590e3},
		{"Tun", 1, 1500, 10, "uso", 1, 4.9e6, 0, 900e3},
		{"Tun", 2, 64, 0, "", 16, 1.11e6, 0.41, 44e3},
		{"Tun", 2, 1500, 10, "uso", 16, 6.3e6, 0.00004, 700e3},
		{"Tun", 4, 64, 0, "", 64, 0.71e6, 0.62, 1.3e6},
		{"Tap", 1, 64, 0, "", 1, 1.18e6, 0, 410e3},
		{"Tap", 1, 1500, 10, "", 1, 0.79e6, 0.012, 610e3},
		{"Tap", 4, 1500, 10, "uso", 64, 5.2e6, 0.08, 2.1e6},
		{"Tap", 16, 64, 0, "", 256, 0.44e6, 0.5, 9e6},
	}
	n := 0
	for _, k := range kinds {
		name := fmt.Sprintf("%s/dir=k2u/gen=udp/queues=%d", k.mode, k.queues)
		axes := map[string]string{"mode": strings.ToLower(k.mode), "dir": "k2u", "gen": "udp", "queues": strconv.Itoa(k.queues), "load": "max"}
		if k.flows > 1 {
			name += fmt.Sprintf("/flows=%d", k.flows)
		}
		name += fmt.Sprintf("/size=%d", k.size)
		if k.vnet > 0 {
			name += fmt.Sprintf("/vnet=%d", k.vnet)
		}
		if k.offload != "" {
			name += "/offload=" + k.offload
		}
		for pair := 1; pair <= 5; pair++ {
			for _, arm := range []record.Arm{record.Bare, record.Observed} {
				n++
				pps := k.pps * (1 + 0.03*rng.NormFloat64())
				if arm == record.Observed {
					pps *= 0.962
				}
				f.Trials = append(f.Trials, trial(rng, name, axes, arm, pair, n, pps, k.loss, k.p50, k.queues, k.flows, k.size, k.offload))
			}
		}
	}
	mark := func(i int, note string, flags ...string) {
		f.Trials[i].Flags = append(f.Trials[i].Flags, flags...)
		f.Trials[i].Notes = append(f.Trials[i].Notes, note)
	}
	mark(0, "windows from 1,101,000 to 1,290,000 packets/s", record.FlagUnsteady)
	mark(3, "1.7 % of the CPU time was stolen", record.FlagSteal)
	for i := 0; i < 10; i += 2 {
		mark(10+i, "the generator was idle 0.1 % of the time", record.FlagGeneratorLimited)
	}
	for i := 90; i < 100; i++ {
		mark(i, "32 workers on 2 CPUs", record.FlagOversubscribed)
	}
	mark(99, hostile, "flag-of-tomorrow")
	f.Trials[41].Accounting.Unexplained = -3
	f.Trials[41].Accounting.Delivered += 3
	mark(41, "3 packets more were delivered than were sent", record.FlagUnexplained)

	f.Skips = []record.Skip{
		{Kind: record.KindSkip, Scenario: "Tun/dir=k2u/gen=udp/queues=1/size=1500/vnet=24/offload=tunnel", Reason: record.Unsupported, Detail: "TUNSETOFFLOAD(0x1ff): EINVAL"},
		{Kind: record.KindSkip, Scenario: "Tap/dir=k2u/gen=udp/queues=8/size=64/io=spin", Reason: record.Missing, Detail: "16 spinning workers need 16 CPUs, 2 are online"},
		{Kind: record.KindSkip, Scenario: hostile, Reason: hostile, Detail: hostile},
	}
	f.End = &record.End{Kind: record.KindEnd, Ended: "2026-11-20T22:54:55Z", Scenarios: 13, Trials: len(f.Trials), Skips: len(f.Skips)}
	return f
}

func trial(rng *rand.Rand, name string, axes map[string]string, arm record.Arm, pair, n int, pps, loss, p50 float64, queues, flows, size int, offload string) record.Trial {
	const seconds = 1
	delivered := uint64(pps * seconds * 1.25)
	dropped := uint64(float64(delivered) * loss / (1 - loss))
	t := record.Trial{
		Kind: record.KindTrial, Scenario: name, Axes: axes, Arm: arm, Pair: pair, Trial: n, Started: "2026-11-20T22:51:09Z", DurationNs: seconds * 1e9,
		Metrics: map[string]float64{
			record.PPS: pps, record.BitPerS: 8 * pps * float64(size), record.Loss: float64(dropped) / float64(delivered+dropped),
			record.CPUNsPerPkt: 2e9 / pps, record.SendNsPerPkt: 0.9e9 / pps, record.RecvNsPerPkt: 0.4e9 / pps,
			record.SyscallsPerPkt: 1 + 1.0/64, record.FloorRatio: max(1, 0.4e9/pps/116), record.OfferedPPS: pps / (1 - loss), record.Steal: 0.001,
		},
		Latency:    map[string]record.Latency{record.E2E: spreadOf(rng, p50, 4000)},
		Accounting: record.Accounting{Offered: delivered + dropped + 12, PushedBack: 12, Accepted: delivered + dropped, Dropped: map[string]uint64{record.TxDropped: dropped}, Delivered: delivered},
		Device:     record.Device{Name: "tun0", Flags: []string{"IFF_TUN", "IFF_NO_PI"}, Offloads: []string{}, Qdisc: "noqueue", TxQLen: 500, MTU: 1500},
		CPUs:       record.Placement{Sender: []int{0}, Reader: []int{1}},
	}
	if offload != "" {
		t.Metrics[record.SKBPS] = pps / 44
		t.Metrics[record.FloorRatio] = max(1, 0.4e9/pps/29.2) // a system call and a copy of 64 KiB, for 44 segments
		t.Device.Offloads = []string{"tx-checksum-ip-generic", "tx-udp-segmentation"}
		t.Device.VnetHdrSz = 10
	}
	if arm == record.Observed {
		t.Accounting.Dropped = map[string]uint64{"FULL_RING": dropped}
		if pair == 2 && dropped > 9 {
			t.Accounting.Dropped = map[string]uint64{"FULL_RING": dropped - 9, "TAP_FILTER": 9}
		}
		t.Observer = &record.Observer{Hook: "tracepoint", MemoryBytes: 3 << 20}
		t.Latency[record.Residency] = spreadOf(rng, p50*0.9, 4000)
		left := delivered
		for q := range queues {
			got := delivered / uint64(queues) * uint64(80+rng.IntN(40)) / 100
			if queues == 4 && q == 2 {
				got /= 6
			}
			if q == queues-1 {
				got = left
			}
			got = min(got, left)
			left -= got
			t.Queues = append(t.Queues, record.Queue{Queue: q, XmitPkts: got + dropped/uint64(queues), XmitBytes: (got + dropped/uint64(queues)) * uint64(size),
				ReadPkts: got, ReadBytes: got * uint64(size), Flows: max(1, flows/queues+rng.IntN(3)-1), DropPkts: dropped / uint64(queues)})
		}
	}
	return t
}

// spreadOf makes a histogram of log-normal samples.
func spreadOf(rng *rand.Rand, p50 float64, n int) record.Latency {
	l := record.Latency{Count: uint64(n), Missed: uint64(rng.IntN(5))}
	counts := map[uint64]uint64{}
	for range n {
		x := rng.NormFloat64()
		if rng.IntN(200) == 0 {
			x += 9
		}
		v := uint64(p50 * (1 + 0.12*max(x, -6)))
		l.MaxNs = max(l.MaxNs, v)
		w := figure.Width(v)
		counts[v/w*w]++
	}
	for lower, c := range counts {
		l.Buckets = append(l.Buckets, [2]uint64{lower, c})
	}
	return l
}

// goldens compares the files in dir with those in testdata/name.
func goldens(t *testing.T, dir, name string) {
	t.Helper()
	want := filepath.Join("testdata", name)
	if *update {
		if err := os.RemoveAll(want); err != nil {
			t.Fatal(err)
		}
		if err := os.CopyFS(want, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
	}
	if d := cmp.Diff(contents(t, want), contents(t, dir)); d != "" {
		t.Errorf("%s (-want +got), see -update:\n%s", name, d)
	}
}

func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		files[e.Name()] = string(b)
	}
	return files
}

func summaryOf(t *testing.T, f *record.File) string {
	t.Helper()
	var b bytes.Buffer
	if err := render.Summary(&b, f); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// variants are files of every shape that a run can leave.
func variants() map[string]*record.File {
	bareHost := func() *record.Run {
		return &record.Run{Kind: record.KindRun, Schema: 1, Tool: record.Tool{Version: "v0.1.0"}, Clock: "icount", Host: record.Host{Kernel: "6.1.0"}}
	}
	one := synthetic()
	one.Trials, one.Skips, one.End = one.Trials[:1], nil, nil
	one.Trials[0].Flags = []string{record.FlagSteal}
	one.Warnings = []string{"line 4, the last, is torn (113 bytes) and was skipped"}
	skips := synthetic()
	skips.Trials = nil
	skips.End.Exit = 2
	observed := synthetic()
	observed.Trials = observed.Trials[31:32]
	return map[string]*record.File{
		"full":        synthetic(),
		"open":        openRun(),
		"interrupted": one,
		"only-skips":  skips,
		"observed":    observed,
		"empty":       {Run: bareHost(), End: &record.End{}},
		"bare-trial":  {Run: bareHost(), Trials: []record.Trial{{Scenario: "Tun"}}},
		"searched":    withSearches(),
		"ways":        ways(),
	}
}

func TestGolden(t *testing.T) {
	for name, f := range variants() {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := writeRun(dir, f); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, "summary.txt"), []byte(summaryOf(t, f)), 0o666); err != nil {
				t.Fatal(err)
			}
			goldens(t, dir, name)
		})
	}
}

// The report of a file that was written and read again is the same, whatever
// the order of its trials and of Go's maps.
func TestDeterministic(t *testing.T) {
	a, b := t.TempDir(), t.TempDir()
	f := synthetic()
	if err := writeRun(a, f); err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	w := record.NewWriter(&text)
	put := func(r record.Record) {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	put(f.Run)
	for _, i := range rand.New(rand.NewPCG(3, 4)).Perm(len(f.Trials)) {
		put(f.Trials[i])
	}
	for _, s := range f.Skips {
		put(s)
	}
	put(f.End)
	again, err := record.Read(&text)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := writeRun(b, again); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(contents(t, a), contents(t, b)); d != "" {
			t.Fatalf("another report of the same run:\n%s", d)
		}
	}
}

// A report on a run in a guest names the machine that it ran on.
func TestGuestsHost(t *testing.T) {
	f := synthetic()
	const row = "host of the guest"
	shown := func() string {
		dir := t.TempDir()
		if err := writeRun(dir, f); err != nil {
			t.Fatal(err)
		}
		return contents(t, dir)[render.ReportName]
	}
	if text := shown(); strings.Contains(text, row) {
		t.Error("the report of no guest names a guest's host")
	}
	f.Run.Host.Outer = &record.Outer{Kernel: "6.18.5", CPU: "Ryzen 9", CPUs: 16, Virt: "none"}
	if text := shown(); !strings.Contains(text, "| "+row) || !strings.Contains(text, "| Ryzen 9, 16 CPUs, Linux 6.18.5, none") {
		t.Errorf("the report lacks the guest's host:\n%s", text[max(0, len(text)-6000):])
	}
}

// Whatever the texts of a file hold, the report keeps its shape: every row of
// a table has the cells of its header, and no tag comes from outside.
func TestHostileText(t *testing.T) {
	f := synthetic()
	r := f.Run
	r.Host.Outer = &record.Outer{CPUs: 2}
	for _, s := range []*string{&r.Host.Outer.Kernel, &r.Host.Outer.CPU, &r.Host.Outer.Virt, &r.ID, &r.Started, &r.Tool.Version, &r.Tool.Commit, &r.Tool.Go, &r.Clock, &r.Suite, &r.Host.Kernel, &r.Host.KernelVersion,
		&r.Host.Arch, &r.Host.CPU, &r.Host.SMT, &r.Host.Virt, &r.Host.Clocksource, &r.Host.Cmdline, &r.Host.Governor, &r.Hook.Requested, &r.Hook.Used,
		&f.End.Ended, &r.Hook.PassedOver[0].Hook, &r.Hook.PassedOver[0].Reason, &r.Hook.Programs[0].Name, &r.Hook.Programs[0].Kind, &r.Hook.Programs[0].Target} {
		*s = hostile
	}
	r.Args = []string{hostile, "`"}
	for _, m := range []map[string]string{r.Host.Mitigations, r.Host.Config, r.Host.Sysctl} {
		m[hostile] = hostile
	}
	r.Floor.CopyNs[hostile] = 1
	f.Warnings = []string{hostile}
	for i := range f.Trials {
		tr := &f.Trials[i]
		if i%10 > 5 {
			tr.Scenario = hostile + "/" + tr.Scenario
		}
		tr.Flags = append(tr.Flags, hostile)
		tr.Notes = append(tr.Notes, hostile)
		tr.Accounting.Dropped[hostile] = 7
		tr.Device.Flags = []string{hostile}
		tr.Device.Qdisc = hostile
	}
	dir := t.TempDir()
	if err := writeRun(dir, f); err != nil {
		t.Fatal(err)
	}
	checkShape(t, contents(t, dir))
	if s := summaryOf(t, f); strings.ContainsAny(s, "\x1b\u202e\r\t") {
		t.Error("control characters reach the terminal")
	}
}

var (
	tags    = regexp.MustCompile(`(^|[^\\])<([^>]*)>`)
	escapes = regexp.MustCompile("`[^`\\n]*`|\\\\.")
)

func checkShape(t *testing.T, files map[string]string) {
	t.Helper()
	columns, depth := 0, 0
	for i, l := range strings.Split(files[render.ReportName], "\n") {
		if strings.ContainsAny(l, "\x1b\u202e\r") {
			t.Errorf("line %d has control characters: %q", i+1, l)
		}
		if strings.Contains(l, "<") { // as few lines do
			for _, m := range tags.FindAllStringSubmatch(escapes.ReplaceAllString(l, ""), -1) {
				switch m[2] {
				case "details", "/details", "summary", "/summary", "sub", "/sub", "code", "/code":
				default:
					t.Errorf("line %d has a tag from outside: %q", i+1, l)
				}
			}
		}
		switch l {
		case "<details>":
			depth++
		case "</details>":
			depth--
		}
		if !strings.HasPrefix(l, "|") {
			columns = 0
			continue
		}
		// In a table a pipe ends the cell even inside of backticks.
		n := strings.Count(strings.ReplaceAll(strings.ReplaceAll(l, `\\`, ""), `\|`, ""), "|")
		if columns != 0 && n != columns {
			t.Errorf("line %d has %d cells, its table %d: %q", i+1, n-1, columns-1, l)
		}
		columns = n
	}
	if depth != 0 {
		t.Errorf("%d details are not closed", depth)
	}
	for name, text := range files {
		if strings.HasSuffix(name, ".svg") {
			checkXML(t, name, text)
		}
		if strings.HasPrefix(name, ".") {
			t.Errorf("%s is left behind", name)
		}
	}
}

func TestEscape(t *testing.T) {
	tests := []struct{ in, want string }{
		{"plain text, 1.5 % (a-b)", "plain text, 1.5 % (a-b)"},
		{"a|b", `a\|b`},
		{"<b>&amp;", `\<b\>\&amp;`},
		{"`x`", "\\`x\\`"},
		{"*a* _b_ ~c~ [d](e) #f $g$", `\*a\* \_b\_ \~c\~ \[d\](e) \#f \$g\$`},
		{`a\`, `a\\`},
		{"a\nb\r\n\tc", "a b   c"},
		{"\x00\x1b[2J\u202ex\u200b", "\ufffd\ufffd\\[2J\ufffdx\ufffd"},
		{"http://a www.b", `http:\//a www\.b`},
		{"\xff", "\ufffd"},
		{"ü ≥ 漢", "ü ≥ 漢"},
	}
	for _, tt := range tests {
		if got := render.Escape(tt.in); got != tt.want {
			t.Errorf("escape(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
	for in, want := range map[string]string{
		"a=b/c": "`a=b/c`", "a`b": "<code>a\\`b</code>", "a|b": `<code>a\|b</code>`, "<&*": "`<&*`", " a": "<code> a</code>", "a\nb": "`a b`",
	} {
		if got := render.CodeSpan(in); got != want {
			t.Errorf("codeSpan(%q) = %s, want %s", in, got, want)
		}
	}
}

func TestFormats(t *testing.T) {
	check := func(got, want string) {
		t.Helper()
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	for v, want := range map[float64]string{
		0: "0", 1: "1.00", 0.61: "0.61", 9.996: "10.0", 12.44: "12.4", 99.96: "100", 1270.4: "1,270", 1234567: "1,234,567", 0.00312: "0.0031", -1234: "−1,234",
		999.6: "1,000", 0.0996: "0.10", 1e18: "1e+18", 0.00001: "1e-05",
	} {
		check(text.Figure(v), want)
	}
	for v, want := range map[float64]string{0: "0", 1: "100", 0.5: "50.0", 0.00004: "<0.01", 0.9997: ">99.9", 0.0123: "1.23"} {
		check(text.Percent(v), want)
	}
	for v, want := range map[float64]string{0: "0 ns", 640: "640 ns", 999: "999 ns", 999.7: "1.00 µs", 1000: "1.00 µs", 12345: "12.3 µs", 1.02e6: "1.02 ms", 68.7e9: "68.7 s"} {
		check(text.Duration(v), want)
	}
	for v, want := range map[uint64]string{0: "0 B", 1023: "1,023 B", 1024: "1.00 KiB", 3 << 20: "3.00 MiB", 5 << 40: "5.00 TiB"} {
		check(text.Size(v), want)
	}
	for v, want := range map[float64]string{0.962: "−3.8 %", 1: "0.0 %", 0.99999: "0.0 %", 1.00001: "0.0 %", 1.05: "+5.0 %"} {
		check(text.Change(v), want)
	}
	check(chart.TickDuration(1e6), "1 ms")
	check(chart.TickDuration(200e3), "200 µs")
	check(text.RateScale(9999).Format(512), "512")
	check(text.RateScale(1.27e6).Format(1.27e6), "1,270")
	check(text.RateScale(1.2e7).Format(1.2345e7), "12.3")
	check(text.Signed(-1<<63), "−9,223,372,036,854,775,808")
	check(text.Numbers([]int{0, 1, 2, 3, 8, 10, 11}), "0-3, 8, 10, 11")
	check(text.Clip("abcdef", 4), "abc…")
	check(text.Clock("2026-11-20T22:51:07+01:00"), "2026-11-20 21:51 UTC")
	check(text.Clock("never"), "never")
}

func TestNames(t *testing.T) {
	ordered := []string{
		"Tun/dir=k2u/gen=udp/queues=1/size=64",
		"Tun/dir=k2u/gen=udp/queues=1/size=64/vnet=10",
		"Tun/dir=k2u/gen=udp/queues=1/size=1500",
		"Tun/dir=k2u/gen=udp/queues=1/size=imix",
		"Tun/dir=k2u/gen=udp/queues=2/size=64",
		"Tun/dir=k2u/gen=udp/queues=2/flows=16/size=64",
		"Tun/dir=k2u/gen=udp/queues=10/size=64",
		"Tun/dir=k2u/gen=udp/queues=10/size=64/load=3000pps",
		"Tun/dir=k2u/gen=udp/queues=10/size=64/load=20000pps",
		"Tap/dir=k2u/gen=udp/queues=1/size=64",
		"Other",
	}
	// What is at the end of a name, each by itself.
	for _, values := range [][]string{
		{"load=999pps", "load=1000pps", "load=5pct", "load=10pct", "load=100pct"},
		{"pause=5ms", "pause=50ms", "pause=100ms"},
		{"filter=1ns", "filter=500ns", "filter=1000ns", "filter=pass"},
		{"txqlen=1", "txqlen=20", "txqlen=100"},
		{"event=carrier", "pause=5ms", "ip=6"}, // a later axis stands there because the earlier one is at its default
	} {
		for i, a := range values {
			for j, b := range values {
				if got, want := sign(axis.Compare("Tun/size=64/"+a, "Tun/size=64/"+b)), sign(i-j); got != want {
					t.Errorf("compareNames of %s, %s = %d, want %d", a, b, got, want)
				}
			}
		}
	}
	for i, a := range ordered {
		for j, b := range ordered {
			if got, want := sign(axis.Compare(a, b)), sign(i-j); got != want {
				t.Errorf("compareNames(%s, %s) = %d, want %d", a, b, got, want)
			}
		}
	}
	common := axis.Common(ordered[:10])
	if d := cmp.Diff([]string{"dir=k2u", "gen=udp"}, common); d != "" {
		t.Error(d)
	}
	if got := axis.Label(ordered[5], common); got != "queues=2 flows=16 size=64" {
		t.Errorf("label: %s", got)
	}
	if got := axis.Label("Tun/a=b", []string{"a=b"}); got != "defaults" {
		t.Errorf("label of nothing: %s", got)
	}
}

func sign(n int) int { return min(max(n, -1), 1) }

// The quantile of pooled buckets is that of the histogram which the trials
// recorded: the middle of the bucket that holds the sample of that rank.
func TestQuantile(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 200 {
		var a figure.Arm
		var samples []uint64
		for range 1 + rng.IntN(4) {
			counts := map[uint64]uint64{}
			for range rng.IntN(3000) {
				v := rng.Uint64N(1 << (1 + rng.IntN(36)))
				samples = append(samples, v)
				counts[v/figure.Width(v)*figure.Width(v)]++
			}
			var l record.Latency
			for lower, c := range counts {
				l.Buckets = append(l.Buckets, [2]uint64{lower, c})
			}
			a.Used = append(a.Used, &record.Trial{Latency: map[string]record.Latency{record.E2E: l}})
		}
		l, ok := a.Pool(record.E2E)
		if ok != (len(samples) > 0) || l.Count != uint64(len(samples)) {
			t.Fatalf("pooled %d of %d samples", l.Count, len(samples))
		}
		slices.Sort(samples)
		for _, q := range metric.Quantiles {
			got, ok := l.Quantile(q.Q)
			rank := max(int(math.Ceil(q.Q*float64(len(samples)))), 1)
			if wantOK := len(samples) >= rank+10; ok != wantOK {
				t.Fatalf("%s of %d samples is given: %v", q.Name, len(samples), ok)
			}
			if !ok {
				continue
			}
			exact := samples[rank-1]
			if diff := max(got, exact) - min(got, exact); float64(diff) > float64(exact)*0.016 {
				t.Errorf("%s = %d, exactly %d", q.Name, got, exact)
			}
		}
	}
	// Nobody knows a quantile that falls among the overflows.
	over := figure.Latency{Count: 50, Overflow: 50, Buckets: [][2]uint64{{100, 50}}}
	if v, ok := over.Quantile(0.9); ok {
		t.Errorf("p90 among overflows: %d", v)
	}
	if v, ok := over.Quantile(0.5); !ok || v != 100+(figure.Width(100)-1)/2 {
		t.Errorf("p50 below overflows: %d, %v", v, ok)
	}
	for v := uint64(0); v < 1<<20; v += 1 + v/100 {
		if v >= 32 && v/figure.Width(v)>>5 != 1 {
			t.Fatalf("width(%d) = %d: there are 32 sub-buckets an octave", v, figure.Width(v))
		}
	}
	if bits.Len64(figure.Width(1<<63)) != 59 {
		t.Error("width of the largest")
	}
}

func TestInvalidTrialsAreLeftOut(t *testing.T) {
	f := &record.File{Run: &record.Run{}, Trials: []record.Trial{
		{Scenario: "Tun/x", Arm: record.Bare, Pair: 1, Metrics: map[string]float64{record.PPS: 100}},
		{Scenario: "Tun/x", Arm: record.Bare, Pair: 2, Metrics: map[string]float64{record.PPS: 5}, Flags: []string{record.FlagSteal}},
		{Scenario: "Tun/x", Arm: record.Bare, Pair: 3, Metrics: map[string]float64{record.PPS: 110}, Flags: []string{record.FlagUnsteady}},
		{Scenario: "Tun/x", Arm: record.Observed, Pair: 1, Metrics: map[string]float64{record.PPS: 90}},
		{Scenario: "Tun/x", Arm: record.Observed, Pair: 2, Metrics: map[string]float64{record.PPS: 50}},
		{Scenario: "Tun/x", Arm: record.Observed, Pair: 4, Metrics: map[string]float64{record.PPS: 50}},
	}}
	list, _ := figure.Scenarios(f)
	if m, ok := list[0].Bare.Metric(record.PPS); !ok || m.N != 2 || m.Median != 105 {
		t.Errorf("bare: %+v", m)
	}
	if d := cmp.Diff([]float64{0.9}, list[0].Costs()); d != "" {
		t.Errorf("costs (-want +got): %s", d)
	}
	f.Trials = f.Trials[1:2]
	list, _ = figure.Scenarios(f)
	if m, ok := list[0].Bare.Metric(record.PPS); !ok || m.Median != 5 || !list[0].Bare.Invalid {
		t.Errorf("with no valid trial: %+v, invalid %v", m, list[0].Bare.Invalid)
	}
}

func TestAccountDoesNotCancel(t *testing.T) {
	a := &record.Trial{Accounting: record.Accounting{Offered: 10, Accepted: 10, Delivered: 5, Unexplained: 5}}
	b := &record.Trial{Accounting: record.Accounting{Offered: 10, Accepted: 10, Delivered: 15, Unexplained: -5}}
	c := &record.Trial{Accounting: record.Accounting{Offered: 10, Accepted: 10, Delivered: 9}}
	l := figure.Account([]*record.Trial{a, b, c})
	if l.Unexplained != 10 || l.Net != 0 || l.Open != 2 || l.Contradicting != 1 {
		t.Errorf("%+v", l)
	}
}

func TestWriteErrors(t *testing.T) {
	f := synthetic()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if err := writeRun(filepath.Join(file, "sub"), f); err == nil {
		t.Error("no error below a file")
	}
	if err := runMarkdown(failing{}, f, render.Options{}); err == nil {
		t.Error("Markdown hides the writer's error")
	}
	if err := render.Summary(failing{}, f); err == nil {
		t.Error("Summary hides the writer's error")
	}
	var b bytes.Buffer
	if err := runMarkdown(&b, f, render.Options{}); err != nil || strings.Contains(b.String(), ".svg") {
		t.Errorf("without charts: %v", err)
	}
}

type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// readable holds that a seed can be read: of one that is refused nothing is shown, and
// nothing that grows out of it.
func readable(f *testing.F, seeds ...[]byte) {
	f.Helper()
	for _, in := range seeds {
		if _, err := record.Read(bytes.NewReader(in)); err != nil {
			f.Fatalf("the seed %s cannot be read: %v", in, err)
		}
	}
}

// views are the ways in which a document is shown that checkView knows.
const views = 3

// checkView shows a section of d in one of its views and holds that it keeps its
// shape. Fuzz targets show one section of each input in one view: to render is what
// takes their time. view counts views first, with one more that is the target's own.
func checkView(t *testing.T, d document.Document, view uint8) {
	t.Helper()
	if n := len(d.Sections); n > 0 {
		i := int(view/(views+1)) % n
		d.Sections = d.Sections[i : i+1]
	}
	files := map[string]string{}
	switch view % (views + 1) {
	case 0:
		var b bytes.Buffer
		if err := render.Markdown(&b, d, render.Options{Charts: true}); err != nil {
			t.Fatal(err)
		}
		files[render.ReportName] = b.String()
	case 1:
		for _, p := range d.Pictures() {
			var b bytes.Buffer
			if err := chart.WriteSVG(&b, p.Chart); err != nil {
				t.Fatal(err)
			}
			files[p.File] = b.String()
		}
	case 2:
		checkPage(t, variable(pageOf(t, d)))
	}
	checkShape(t, files)
}

// Nothing that can be read makes a renderer fail or break its shape.
func FuzzReport(f *testing.F) {
	seed := func(in []byte) {
		readable(f, in)
		for view := range uint8(views + 1) {
			f.Add(in, view)
		}
	}
	seed([]byte(`{"kind":"run","schema":1}` + "\n" + `{"kind":"trial","arm":"bare","pair":1,"trial":1,"scenario":"Tun/a=1","metrics":{"pps":1e308,"loss":7},"queues":[{"queue":7,"read_pkts":18446744073709551615},{"queue":0}],"latency":{"e2e":{"max_ns":18446744073709551615,"buckets":[[0,30],[18446744073709551615,18446744073709551615]]}},"accounting":{"unexplained":-9223372036854775808,"dropped":{"|":3}},"flags":["x"]}` + "\n" +
		`{"kind":"skip","scenario":"<a>","reason":"failed"}` + "\n"))
	seed([]byte(`{"kind":"run","schema":1}` + "\n" + `{"kind":"trial","scenario":"Tun","pair":2,"trial":2,"arm":"observed","metrics":{"pps":1e-300}}` + "\n" + `{"kind":"trial","scenario":"Tun","pair":3,"trial":3,"arm":"bare","metrics":{"pps":1e300},"latency":{"residency":{"buckets":[[5,100]]}}}` + "\n"))
	seed([]byte(`{"kind":"run","schema":1,"parts":[{"run":{"shard":{"index":1,"of":3},"host":{"boot":"x"},"started":"2026"},"end":{}},{"run":{"shard":{"index":1,"of":9}}},{"run":{}}]}` + "\n" + `{"kind":"trial","arm":"bare","pair":4,"trial":4,"metrics":{},"shard":1,"scenario":"Tun/a=1"}` + "\n" + `{"kind":"trial","arm":"bare","pair":5,"trial":5,"metrics":{},"shard":7,"scenario":"Tun/b=|"}` + "\n"))
	f.Fuzz(func(t *testing.T, in []byte, view uint8) {
		file, err := record.Read(bytes.NewReader(in))
		if err != nil {
			return
		}
		if view%(views+1) < views {
			checkView(t, run.New(file), view)
		} else if err := render.Summary(io.Discard, file); err != nil {
			t.Fatal(err)
		}
	})
}
