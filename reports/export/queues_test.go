package export

import (
	"bytes"
	"strings"
	"testing"

	"tunbench/reports/document/run"
	"tunbench/reports/record"
	"tunbench/reports/render"
)

// sided is a run of observed trials with queues, in the direction dir.
func sided(mode, dir string, queues ...record.Queue) *record.File {
	for i := range queues {
		queues[i].Queue = i
	}
	t := record.Trial{
		Scenario: mode + "/dir=" + dir + "/gen=udp/queues=4/flows=8/size=64", Arm: record.Observed, Pair: 1, Trial: 1, DurationNs: 1e9,
		Axes: map[string]string{"mode": strings.ToLower(mode), "dir": dir, "queues": "4"}, Metrics: map[string]float64{record.PPS: 1e5}, Queues: queues,
	}
	return &record.File{Run: &record.Run{Kind: record.KindRun, Schema: 1, Clock: "monotonic"}, Trials: []record.Trial{t}, End: &record.End{}}
}

// rowOf gives the cells of the first row of a markdown report that has all words.
func rowOf(t *testing.T, report string, words ...string) []string {
	t.Helper()
lines:
	for _, line := range strings.Split(report, "\n") {
		if !strings.HasPrefix(line, "|") {
			continue
		}
		for _, w := range words {
			if !strings.Contains(line, w) {
				continue lines
			}
		}
		var cells []string
		for _, c := range strings.Split(strings.Trim(line, "|"), "|") {
			cells = append(cells, strings.TrimSpace(c))
		}
		return cells
	}
	t.Fatalf("no row with %q in\n%s", words, report)
	return nil
}

// The queues of packets that user space writes are judged by what the kernel
// received, those of dir=both by each side.
func TestQueuesByDirection(t *testing.T) {
	written := []record.Queue{{RecvPkts: 100, RecvBytes: 6400, Flows: 2}, {RecvPkts: 100, RecvBytes: 6400, Flows: 2}, {RecvPkts: 100, RecvBytes: 6400, Flows: 2}, {RecvPkts: 300, RecvBytes: 19200, Flows: 2}}
	for _, mode := range []string{"Tun", "Tap"} {
		var b bytes.Buffer
		if err := runMarkdown(&b, sided(mode, "u2k", append([]record.Queue{}, written...)...), render.Options{Charts: true}); err != nil {
			t.Fatal(err)
		}
		_, report, _ := strings.Cut(b.String(), "## Distribution over queues")
		report, _, _ = strings.Cut(report, "\n## ")
		// 600^2 / (4 * (3 * 100^2 + 300^2)) = 0.75
		got := strings.Join(rowOf(t, report, "u2k")[1:], " ")
		if want := "received 4 0 16.7 50.0 2.00 0.750 3.00 – 1"; got != want {
			t.Errorf("%s: %q, want %q", mode, got, want)
		}
		// A brief report leaves each queue out.
		if _, brief, _ := strings.Cut(report, "Every queue"); brief != "" {
			t.Errorf("%s: a brief report shows each queue", mode)
		}
		b.Reset()
		if err := render.Markdown(&b, run.With(sided(mode, "u2k", append([]record.Queue{}, written...)...), run.Options{Full: true}), render.Options{}); err != nil {
			t.Fatal(err)
		}
		_, each, _ := strings.Cut(b.String(), "Every queue")
		if got, want := strings.Join(rowOf(t, each, "18.8 KiB")[1:], " "), " 3 – 300 18.8 KiB 0 2 50.0 –"; got != want {
			t.Errorf("%s: queue 3 %q, want %q", mode, got, want)
		}
	}

	read := append([]record.Queue{}, written...)
	for i := range read {
		read[i].ReadPkts, read[i].ReadBytes, read[i].XmitPkts = uint64(50*(i%2)), 3200, 60
	}
	var b bytes.Buffer
	if err := runMarkdown(&b, sided("Tun", "both", read...), render.Options{}); err != nil {
		t.Fatal(err)
	}
	_, report, _ := strings.Cut(b.String(), "## Distribution over queues")
	if got, want := strings.Join(rowOf(t, report, "dir=both")[1:], " "), "read 4 2 0 50.0 2.00 0.500 2.00 1.00 1"; got != want {
		t.Errorf("both, what is read: %q, want %q", got, want)
	}
	if got, want := strings.Join(rowOf(t, report, "received", "0.750")[1:], " "), "received 4 0 16.7 50.0 2.00 0.750 3.00 – 1"; got != want {
		t.Errorf("both, what is received: %q, want %q", got, want)
	}
	d, err := jsonRuns([]record.Named{{Name: "run", File: sided("Tun", "both", read...)}}, true)
	if err != nil {
		t.Fatal(err)
	}
	if text := string(d[0].Content); !strings.Contains(text, `"queues_received"`) || !strings.Contains(text, `"counted": "received"`) || !strings.Contains(text, `"recv_pkts": 300`) {
		t.Errorf("the JSON report lacks what was received:\n%s", text)
	}

	// What nobody saw is not called empty.
	b.Reset()
	if err := runMarkdown(&b, sided("Tap", "u2k", record.Queue{}, record.Queue{}), render.Options{}); err != nil {
		t.Fatal(err)
	}
	_, report, _ = strings.Cut(b.String(), "## Distribution over queues")
	if got, want := strings.Join(rowOf(t, report, "u2k")[1:], " "), "received 2 – – – – – – – 1"; got != want {
		t.Errorf("nothing was seen: %q, want %q", got, want)
	}
	// A run of dir=k2u alone speaks of nothing else.
	b.Reset()
	if err := runMarkdown(&b, sided("Tun", "k2u", read...), render.Options{}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "received") {
		t.Errorf("dir=k2u speaks of what is received:\n%s", b.String())
	}
}
