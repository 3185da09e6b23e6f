package record

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func ptr[T any](v T) *T { return &v }

func sampleRun() Run {
	return Run{
		Kind: KindRun, Schema: Schema, ID: "a1", Started: "2026-11-20T10:00:00Z",
		Tool: Tool{Version: "v0.1.0", Commit: "abc", Go: "go1.26"}, Clock: "monotonic", Suite: "smoke", Seed: math.MaxUint64,
		Args:  []string{"run", "--filter", "a=\"b\"\n<&>"},
		Host:  Host{Kernel: "6.18.0", CPUs: 2, Mitigations: map[string]string{"spectre_v1": "Mitigation: x"}, Config: map[string]string{}, Sysctl: map[string]string{}},
		Hook:  Hook{Requested: "auto", Used: "tracepoint", PassedOver: []PassedOver{{"kprobe", "not compiled in"}}, Programs: []Program{{"a", "b", "c"}}},
		Floor: Floor{SyscallNs: 86.5, CopyNs: map[string]float64{"64": 30}},
	}
}

func sampleTrial() Trial {
	return Trial{
		Kind: KindTrial, Scenario: "Tun/dir=k2u/gen=udp/queues=1/size=64", Axes: map[string]string{"mode": "tun"},
		Arm: Observed, Pair: 1, Trial: 2, Started: "2026-11-20T10:00:01Z", DurationNs: 1e9,
		Metrics: map[string]float64{PPS: 1.27e6, Loss: 0.000123456789012345},
		Windows: []Window{{TNs: 1e8, Pkts: 10, Bytes: 640, Round: 3}},
		Queues:  []Queue{{Queue: 0, XmitPkts: 10, ReadPkts: 9, Flows: 1, DropPkts: 1}},
		Latency: map[string]Latency{E2E: {Count: 20, P50Ns: ptr(uint64(100)), MaxNs: 200, Buckets: [][2]uint64{{100, 20}}}},
		Accounting: Accounting{
			Offered: 10, Accepted: 10, Xmit: ptr(uint64(10)), Dropped: map[string]uint64{"FULL_RING": 1},
			Read: ptr(uint64(9)), Delivered: 9, Unexplained: -1,
		},
		Reads:    Reads{Calls: 9, Bytes: 576, Errors: map[string]uint64{"EAGAIN": 3}},
		Device:   Device{Name: "tun0", Flags: []string{"IFF_TUN"}, Offloads: []string{}, MTU: 1500},
		CPUs:     Placement{Sender: []int{0}, Reader: []int{1}},
		Observer: &Observer{Hook: "kprobe", ReadCalls: ptr(uint64(9)), ReadBytes: ptr(uint64(0)), NoWrites: "3 of 9 calls of tun_get_user were not seen to return", LostReturns: map[string]uint64{"tun_get_user": 3}},
		Flags:    []string{FlagUnsteady},
		Valid:    true,
	}
}

func TestRoundTrip(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	run, trial := sampleRun(), sampleTrial()
	skip := Skip{Kind: KindSkip, Scenario: "Tap/x", Axes: map[string]string{}, Reason: Unsupported, Detail: "TUNSETOFFLOAD: EINVAL"}
	end := End{Kind: KindEnd, Ended: "2026-11-20T10:01:00Z", Scenarios: 1, Trials: 1, Skips: 1}
	for _, r := range []Record{run, &trial, skip, &end} {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	want := &File{Run: &run, Trials: []Trial{trial}, Skips: []Skip{skip}, End: &end}
	for _, p := range []string{path, filepath.Dir(path)} {
		got, err := ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("ReadFile(%s) (-want +got):\n%s", p, d)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, l := range strings.Split(strings.TrimSuffix(string(text), "\n"), "\n") {
		if !strings.HasPrefix(l, `{"kind":"`) {
			t.Errorf("line %d does not begin with its kind: %.40s", i+1, l)
		}
	}
}

// Readers such as jq iterate over these fields, and cannot iterate over null.
func TestWriteNoNull(t *testing.T) {
	var b bytes.Buffer
	w := NewWriter(&b)
	tr := Trial{Latency: map[string]Latency{E2E: {}}, Observer: &Observer{}}
	for _, r := range []Record{Run{}, tr, Skip{}, End{}} {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	if strings.Contains(b.String(), "null") {
		t.Errorf("null in\n%s", b.String())
	}
	if tr.Axes != nil || tr.Latency[E2E].Buckets != nil || tr.Observer.ReadErrors != nil {
		t.Error("Write changed the caller's record")
	}
}

func TestWriteNonFinite(t *testing.T) {
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		var b bytes.Buffer
		w := NewWriter(&b)
		for want, r := range map[string]Record{
			"metrics.pps":      Trial{Scenario: "Tun/x", Metrics: map[string]float64{PPS: v, Loss: 0}},
			"floor.syscall_ns": Run{Floor: Floor{SyscallNs: v}},
			"floor.copy_ns.64": Run{Floor: Floor{CopyNs: map[string]float64{"64": v}}},
			"sees.pps":         Run{Sees: map[string]float64{PPS: v}},
		} {
			if err := w.Write(r); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("Write of %v in %s: %v", v, want, err)
			}
		}
		if b.Len() != 0 {
			t.Errorf("wrote %q", b.String())
		}
	}
}

// fakeFile holds a file of at most room bytes, as a full disk does.
type fakeFile struct {
	data        []byte
	room        int
	syncErr     error
	truncateErr error
	syncs       int
}

func (f *fakeFile) WriteAt(p []byte, off int64) (int, error) {
	n := min(len(p), max(f.room-int(off), 0))
	f.data = append(f.data[:off], p[:n]...)
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func (f *fakeFile) Stat() (fs.FileInfo, error) { return nil, errors.ErrUnsupported }

func (f *fakeFile) Sync() error { f.syncs++; return f.syncErr }

func (f *fakeFile) Truncate(size int64) error {
	if f.truncateErr != nil {
		return f.truncateErr
	}
	f.data = f.data[:size]
	return nil
}

func TestWriteFullDisk(t *testing.T) {
	f := &fakeFile{room: 1 << 20}
	w := &Writer{file: f}
	if err := w.Write(sampleRun()); err != nil {
		t.Fatal(err)
	}
	whole := len(f.data)
	f.room = whole + 100
	err := w.Write(sampleTrial())
	if !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "trial 2") {
		t.Fatalf("on a full disk: %v", err)
	}
	if len(f.data) != whole {
		t.Fatalf("%d bytes are left, want the %d of the whole record", len(f.data), whole)
	}
	f.room = 1 << 20
	if err := w.Write(sampleTrial()); err != nil {
		t.Fatalf("with room again: %v", err)
	}
	if f.syncs != 2 {
		t.Errorf("%d syncs for 2 records", f.syncs)
	}
	got, err := Read(bytes.NewReader(f.data))
	if err != nil || len(got.Trials) != 1 || got.Warnings != nil {
		t.Errorf("Read: %v, %+v", err, got)
	}

	f.syncErr = syscall.EIO
	whole = len(f.data)
	if err := w.Write(End{}); !errors.Is(err, syscall.EIO) || len(f.data) != whole {
		t.Errorf("failed sync: %v, %d bytes, want %d", err, len(f.data), whole)
	}

	f.truncateErr = syscall.EROFS
	if err := w.Write(End{}); !errors.Is(err, syscall.EIO) || !errors.Is(err, syscall.EROFS) {
		t.Errorf("failed truncate: %v", err)
	}
	f.syncErr, f.truncateErr = nil, nil
	if err := w.Write(End{}); !errors.Is(err, syscall.EROFS) {
		t.Errorf("Write went on behind a torn line: %v", err)
	}
}

func TestCreateErrors(t *testing.T) {
	path := filepath.Join(t.TempDir(), "no", "such", FileName)
	if _, err := Create(path); err == nil || !strings.Contains(err.Error(), path) {
		t.Errorf("Create in a missing folder: %v", err)
	}
	w, err := Create("/dev/full")
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Write(sampleRun()); !errors.Is(err, syscall.ENOSPC) || !strings.Contains(err.Error(), "/dev/full") {
		t.Errorf("Write to /dev/full: %v", err)
	}
}

type shortWriter struct{}

func (shortWriter) Write(p []byte) (int, error) { return len(p) / 2, nil }

func TestWriteShort(t *testing.T) {
	w := NewWriter(shortWriter{})
	for range 2 {
		if err := w.Write(sampleRun()); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("short write: %v", err)
		}
	}
}

const header = `{"kind":"run","schema":1,"tool":{"version":"v0.1.0"}}` + "\n"

func TestRead(t *testing.T) {
	trial := `{"kind":"trial","scenario":"Tun/x","arm":"bare","pair":1,"trial":1,"metrics":{}}` + "\n"
	long := `{"kind":"trial","scenario":"` + strings.Repeat("a", 5<<20) + `","arm":"bare","pair":1,"trial":1,"metrics":{}}` + "\n"
	second := strings.Replace(trial, `"trial":1`, `"trial":2`, 1)
	// Trial 2 with something put at its beginning.
	with := func(field string) string {
		return header + trial + strings.Replace(strings.Replace(second, `"pair":1`, `"pair":2`, 1), `{"kind":"trial",`, `{"kind":"trial",`+field+`,`, 1)
	}
	// The same without a field.
	without := func(field string) string { return header + trial + strings.Replace(second, field, `"x":0`, 1) }
	tests := []struct {
		name, in string
		err      string // part of it; empty: none
		trials   int
		warning  string
	}{
		{"empty", "", "the file is empty", 0, ""},
		{"blank", "\n\n  \n", "the file is empty", 0, ""},
		{"no header", trial, "line 1: no run header", 0, ""},
		{"only unknown kinds", `{"kind":"note"}` + "\n", "no run header", 0, ""},
		{"only a torn line", `{"kind":"run","sch`, "no run header: line 1, the last, is torn", 0, ""},
		{"header alone", header, "", 0, ""},
		{"no last newline", header + strings.TrimSuffix(trial, "\n"), "", 1, ""},
		{"blank line", header + "\n" + trial, "", 1, ""},
		{"CRLF", strings.ReplaceAll(header+trial, "\n", "\r\n"), "", 1, ""},
		{"torn last line", header + trial + trial[:20], "", 1, "line 3, the last, is torn (20 bytes)"},
		{"torn last line with newline", header + trial + "\x00\x00\x00\n", "", 1, "line 3, the last, is torn (3 bytes)"},
		{"torn in the middle", header + trial[:20] + "\n" + trial, "line 2: not a JSON object", 0, ""},
		{"a metric too large", header + `{"kind":"trial","scenario":"Tun/x","metrics":{"loss":0,"pps":1e999}}` + "\n" + trial, "line 2: trial 0 (Tun/x, pair 0, ): metrics.pps is 1e999, not a finite number", 0, ""},
		{"a metric in words", header + `{"kind":"trial","scenario":"Tun/x","metrics":{"pps":"NaN"}}` + "\n" + trial, `line 2: trial 0 (Tun/x, pair 0, ): metrics.pps is "NaN", not a finite number`, 0, ""},
		{"a metric as Python writes it", header + `{"kind":"trial","scenario":"Tun/x","metrics":{"loss": NaN}}` + "\n", "line 2: loss is NaN, which is no JSON number", 0, ""},
		{"an infinite one", header + `{"kind":"trial","metrics":{"pps":-Infinity,"loss":0}}` + "\n" + trial, "line 2: pps is -Infinity, which is no JSON number", 0, ""},
		{"two objects on a line", header + "{}{}\n" + trial, "line 2: not a JSON object", 0, ""},
		{"an array", header + "[]\n" + trial, "line 2: not a JSON object", 0, ""},
		{"null", header + "null\n", "line 2: not a JSON object", 0, ""},
		{"no kind", header + `{"a":1}` + "\n", `line 2: no "kind"`, 0, ""},
		{"kind is a number", header + `{"kind":1}` + "\n", "line 2: json: cannot unmarshal", 0, ""},
		{"wrong type", header + `{"kind":"trial","pair":"x"}` + "\n", `line 2: trial 0 (, pair 0, ): pair is "x", not a whole number`, 0, ""},
		{"number out of range", header + `{"kind":"trial","metrics":{"pps":1e999}}` + "\n", "line 2: trial 0 (, pair 0, ): metrics.pps is 1e999, not a finite number", 0, ""},
		{"negative count", header + `{"kind":"trial","windows":[{"pkts":-1}]}` + "\n", "line 2: trial 0 (, pair 0, ): windows.pkts is -1, not a count of 0 or more", 0, ""},
		{"unknown kind and field", header + `{"kind":"note","schema":"?"}` + "\n" + strings.Replace(trial, "{", `{"new":[1],`, 1), "", 1, ""},
		{"newer schema", `{"kind":"run","schema":2,"tool":{"version":"v9.1"},"host":7}` + "\n", "schema 2, this tunbench reads up to 1: use tunbench v9.1 or newer", 0, ""},
		{"newer schema, no tool", `{"kind":"run","schema":2}` + "\n", "use tunbench the version that wrote it or newer", 0, ""},
		{"no schema", `{"kind":"run"}` + "\n", "schema 0", 0, ""},
		{"two headers", header + header, "line 2: a second run header", 0, ""},
		{"after the end", header + `{"kind":"end"}` + "\n" + trial, "line 3: a trial record after the end record", 0, ""},
		{"wrong count", header + trial + `{"kind":"end","trials":4}` + "\n", "", 1, "the end record counts 4 trials, the file holds 1"},
		{"long line", header + long, "", 1, ""},
		{"byte order mark", byteOrderMark + header + trial, "", 1, ""},
		{"byte order mark alone", byteOrderMark, "the file is empty", 0, ""},
		{"byte order mark inside", header + byteOrderMark + trial + second, "line 2: not a JSON object", 0, ""},

		{"a trial twice", header + trial + trial, "line 3: trial 1 (Tun/x, pair 1, bare): this record is in line 2 already", 0, ""},
		{"a trial ten times", header + strings.Repeat(trial, 10), "line 3: trial 1 (Tun/x, pair 1, bare): this record is in line 2 already", 0, ""},
		{"a pair twice", header + trial + second, "line 3: trial 2 (Tun/x, pair 1, bare): this record is in line 2 already", 0, ""},
		{"the other arm", header + trial + strings.Replace(second, "bare", "observed", 1), "", 2, ""},
		{"another pair", header + trial + strings.Replace(second, `"pair":1`, `"pair":2`, 1), "", 2, ""},
		{"another shard", header + trial + strings.Replace(trial, "{", `{"shard":2,`, 1), "", 2, ""},
		{"two subjects with one variant", header + strings.Replace(trial+second, `"arm"`, `"variant":"a","block":1,"arm"`, 2), "", 2, ""},
		{"a variant twice", header + strings.Repeat(strings.Replace(trial, `"arm"`, `"variant":"a","block":1,"arm"`, 1), 2), "line 3: trial 1 (Tun/x, pair 1, bare): this record is in line 2 already", 0, ""},
		{"a search twice", header + strings.Repeat(`{"kind":"search","scenario":"Tun/x"}`+"\n", 2), "line 3: search of Tun/x: this record is in line 2 already", 0, ""},

		{"no scenario", without(`"scenario":"Tun/x"`), "line 3: trial 2 (, pair 1, bare): scenario is missing", 0, ""},
		{"no arm", without(`"arm":"bare"`), "line 3: trial 2 (Tun/x, pair 1, ): arm is missing", 0, ""},
		{"no pair", without(`"pair":1`), "pair is missing", 0, ""},
		{"no trial", without(`"trial":2`), "trial is missing", 0, ""},
		{"no metrics", without(`"metrics":{}`), "metrics is missing", 0, ""},
		{"metrics are null", strings.Replace(with(`"x":0`), `"metrics":{}}`+"\n"+`{`, `"metrics":null}`+"\n"+`{`, 1), "line 2: trial 1 (Tun/x, pair 1, bare): metrics is missing", 0, ""},
		{"another arm", header + strings.Replace(trial, "bare", "left", 1), `arm is "left": choose bare or observed`, 0, ""},
		{"no scenario of a skip", header + `{"kind":"skip","reason":"missing"}` + "\n", "line 2: skip of : scenario is missing", 0, ""},
		{"no reason of a skip", header + `{"kind":"skip","scenario":"Tun/x"}` + "\n", "line 2: skip of Tun/x: reason is missing", 0, ""},
		{"no verdict", header + `{"kind":"verdict","scenario":"Tun/x","metric":"pps"}` + "\n", "line 2: verdict on pps of Tun/x: verdict is missing", 0, ""},

		{"a metric is null", header + strings.Replace(trial, `"metrics":{}`, `"metrics":{"pps":null}`, 1), "line 2: trial 1 (Tun/x, pair 1, bare): metrics.pps is null, not a finite number: leave the field out", 0, ""},
		{"a count is null", with(`"windows":[{"t_ns":1,"pkts":null}]`), "line 3: trial 2 (Tun/x, pair 2, bare): windows.pkts is null", 0, ""},
		{"a bucket is null", with(`"latency":{"e2e":{"buckets":[[1,null]]}}`), "latency.e2e.buckets is null", 0, ""},
		{"a time is null", with(`"duration_ns":null`), "duration_ns is null, not a whole number", 0, ""},
		{"a drop is null", with(`"accounting":{"dropped":{"FULL_RING":null}}`), "accounting.dropped.FULL_RING is null", 0, ""},
		{"a header's figure is null", `{"kind":"run","schema":1,"floor":{"syscall_ns":null}}` + "\n", "line 1: run header: floor.syscall_ns is null", 0, ""},
		{"the word null", with(`"notes":["null"]`), "", 2, ""},
		{"lists and quantiles that are not known", with(`"windows":null,"latency":{"e2e":{"p50_ns":null,"buckets":null}},"observer":null`), "", 2, ""},
		{"a verdict without figures", header + `{"kind":"verdict","scenario":"Tun/x","metric":"pps","verdict":"unsupported","base":null,"new":null,"change":null,"ci":null,"p":null}` + "\n", "", 0, ""},
		{"a negative change", header + `{"kind":"verdict","scenario":"Tun/x","metric":"loss","verdict":"improvement","base":0.1,"new":0,"change":-0.1,"ci":[-0.2,-0.05]}` + "\n", "", 0, ""},

		{"a negative metric", header + strings.Replace(trial, `"metrics":{}`, `"metrics":{"pps":-5}`, 1), "line 2: trial 1 (Tun/x, pair 1, bare): metrics.pps is -5: it cannot be negative", 0, ""},
		{"a negative loss", header + strings.Replace(trial, `"metrics":{}`, `"metrics":{"loss":-0.5},"accounting":{"accepted":2,"delivered":1}`, 1), "metrics.loss is -0.5: it cannot be negative", 0, ""},
		{"more delivered than accepted", header + strings.Replace(trial, `"metrics":{}`, `"metrics":{"loss":-0.5},"accounting":{"accepted":2,"delivered":3,"unexplained":-1}`, 1), "", 1, ""},
		{"a negative metric of one direction", with(`"directions":{"k2u":{"metrics":{"pps":-1}}}`), "directions.k2u.metrics.pps is -1", 0, ""},
		{"a negative time", with(`"duration_ns":-1`), "duration_ns is -1: it cannot be negative", 0, ""},
		{"a negative time of a window", with(`"windows":[{"t_ns":-1}]`), "windows.t_ns is -1: it cannot be negative", 0, ""},
		{"a negative queue", with(`"queues":[{"queue":-1}]`), "queues.queue is -1: it cannot be negative", 0, ""},
		{"a negative count of a queue", with(`"queues":[{"read_pkts":-1}]`), "queues.read_pkts is -1, not a count of 0 or more", 0, ""},
		{"a negative drop", with(`"accounting":{"dropped":{"FULL_RING":-1}}`), "accounting.dropped.FULL_RING is -1, not a count", 0, ""},
		{"a negative bucket", with(`"latency":{"e2e":{"buckets":[[1,-1]]}}`), "latency.e2e.buckets is -1, not a count", 0, ""},
		{"a bucket twice", with(`"latency":{"e2e":{"buckets":[[1,1],[2,1],[2,1]]}}`), "latency.e2e.buckets: that of 2 ns is there twice", 0, ""},
		{"a bucket of one direction twice", with(`"directions":{"u2k":{"metrics":{},"latency":{"e2e":{"buckets":[[2,1],[1,1],[2,3]]}}}}`), "directions.u2k.latency.e2e.buckets: that of 2 ns is there twice", 0, ""},
		{"a negative rate", with(`"schedule":{"rate_pps":-1}`), "schedule.rate_pps is -1", 0, ""},
		{"a negative MTU", with(`"device":{"mtu":-1}`), "device.mtu is -1", 0, ""},
		{"a negative floor", `{"kind":"run","schema":1,"floor":{"copy_ns":{"64":-1}}}` + "\n", "line 1: run header: floor.copy_ns.64 is -1", 0, ""},
		{"a negative end", header + `{"kind":"end","trials":-1}` + "\n", "line 2: end: trials is -1", 0, ""},
		{"half a count", with(`"queues":[{"read_pkts":0.5}]`), "queues.read_pkts is 0.5, not a count", 0, ""},
		{"a list for an object", with(`"accounting":[]`), "accounting is [], not an object", 0, ""},
		{"an object for a list", with(`"queues":{}`), "queues is {}, not a list", 0, ""},
		{"a number for a word", with(`"started":1`), "started is 1, not text", 0, ""},
		{"deep", header + strings.Repeat(`{"a":`, 20000) + "\n" + trial, "line 2: not a JSON object", 0, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			f, err := Read(strings.NewReader(tt.in))
			if tt.err != "" {
				if err == nil || !strings.Contains(err.Error(), tt.err) {
					t.Fatalf("error %v, want %q", err, tt.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Trials) != tt.trials {
				t.Errorf("%d trials, want %d", len(f.Trials), tt.trials)
			}
			if got := strings.Join(f.Warnings, "; "); !strings.Contains(got, tt.warning) || (tt.warning == "") != (got == "") {
				t.Errorf("warnings %q, want %q", got, tt.warning)
			}
		})
	}
}

// endless gives a line that never ends.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'a'
	}
	return len(p), nil
}

func TestReadLineLimit(t *testing.T) {
	if _, err := Read(endless{}); err == nil || !strings.Contains(err.Error(), "line 1: longer than") {
		t.Errorf("endless line: %v", err)
	}
	boom := errors.New("boom")
	if _, err := Read(io.MultiReader(strings.NewReader(header+"{"), iotestErr{boom})); !errors.Is(err, boom) {
		t.Errorf("failing reader: %v", err)
	}
}

type iotestErr struct{ err error }

func (e iotestErr) Read([]byte) (int, error) { return 0, e.err }

func TestReadFileErrors(t *testing.T) {
	dir := t.TempDir()
	if _, err := ReadFile(dir); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), FileName) {
		t.Errorf("folder without a run: %v", err)
	}
	if _, err := ReadFile(filepath.Join(dir, "x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	p := filepath.Join(dir, FileName)
	if err := os.WriteFile(p, nil, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadFile(dir); err == nil || !strings.Contains(err.Error(), p) {
		t.Errorf("empty file: %v", err)
	}
}

// Whatever is read can be written and read again, and is then the same.
func FuzzRead(f *testing.F) {
	line := func(r Record) string {
		b, err := json.Marshal(r.seal())
		if err != nil {
			f.Fatal(err)
		}
		return string(b) + "\n"
	}
	f.Add([]byte(header))
	// Go makes a seed smaller byte by byte, so a kind of record has one of its own.
	f.Add([]byte(line(sampleRun())))
	f.Add([]byte(header + line(sampleTrial())))
	f.Add([]byte(header + line(Skip{Scenario: "Tun/x", Reason: Missing}) + line(End{Trials: 1, Skips: 1})))
	f.Add([]byte(header + `{"kind":"trial","scenario":"Tun/x","arm":"bare","pair":1,"trial":1,"metrics":{"loss":null},"latency":{"e2e":{"buckets":[[1,2],[3]]}}}` + "\n{"))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := Read(bytes.NewReader(in))
		if err != nil {
			return
		}
		var b bytes.Buffer
		w := NewWriter(&b)
		write := func(r Record) {
			if err := w.Write(r); err != nil {
				t.Fatal(err)
			}
		}
		write(got.Run)
		for _, tr := range got.Trials {
			write(tr)
		}
		for _, s := range got.Skips {
			write(s)
		}
		if got.End != nil {
			write(got.End)
		}
		first := b.String()
		again, err := Read(&b)
		if err != nil {
			t.Fatalf("%v in\n%s", err, first)
		}
		if fmt.Sprint(len(again.Trials), len(again.Skips), again.End != nil) != fmt.Sprint(len(got.Trials), len(got.Skips), got.End != nil) {
			t.Fatalf("read again, it is another file:\n%s", first)
		}
		b.Reset()
		write(again.Run)
		for _, tr := range again.Trials {
			write(tr)
		}
		if !strings.HasPrefix(first, b.String()) {
			t.Fatalf("written again, it is another file:\n%s\n%s", first, b.String())
		}
	})
}

func TestAppend(t *testing.T) {
	path := filepath.Join(t.TempDir(), FileName)
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(w.Write(Run{}), w.Write(Trial{Trial: 1, Pair: 1, Arm: Bare, Scenario: "Tun"}), w.Close()); err != nil {
		t.Fatal(err)
	}
	for _, torn := range []string{"", `{"kind":"tri`, `{"kind":"trial","scenario":"Tun","arm":"bare","pair":2,"trial":2,"metrics":{}}`, "{\"kind\":\n", "\x00\x00\x00"} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, append(text, torn...), 0o666); err != nil {
			t.Fatal(err)
		}
		a, err := Append(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(a.Write(Resume{Trials: 1}), a.Close()); err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		whole := string(text)
		if json.Valid([]byte(torn)) {
			whole += torn + "\n" // only its newline was missing
		}
		want := whole + `{"kind":"resume","started":"","trials":1,"skips":0}` + "\n"
		if string(got) != want {
			t.Errorf("after %q:\n%s\nwant\n%s", torn, got, want)
		}
	}
	f, err := ReadFile(path)
	if err != nil || len(f.Resumes) != 5 || len(f.Trials) != 2 || len(f.Warnings) > 0 {
		t.Errorf("%+v, %v", f, err)
	}
	// What is behind a line in the middle that cannot be read is not cut off.
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	spoilt := append([]byte("{\n"), text...)
	if err := os.WriteFile(path, spoilt, 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Append(path); err == nil || !strings.Contains(err.Error(), "line 1: not a JSON object") {
		t.Errorf("a torn line in the middle: %v", err)
	}
	if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, spoilt) {
		t.Errorf("a torn line in the middle: %d of %d bytes are left, %v", len(left), len(spoilt), err)
	}
	if _, err := Append(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}

// Buckets are read as encoding/json reads them, whatever they look like.
func FuzzBuckets(f *testing.F) {
	for _, text := range []string{
		`[]`, `null`, `[[1,2]]`, `[[1,2],[3,4],[18446744073709551615,0]]`, `[ [1, 2] ,[3,4] ]`, `[[1]]`, `[[1,2,3]]`, `[[],[1,2]]`, `[null,[1,2]]`, `[[null,2]]`,
		`[[-1,2]]`, `[[1.5,2]]`, `[[1e3,2]]`, `[["1",2]]`, `[[18446744073709551616,2]]`, `{}`, `[1]`, `"x"`, `[[[1,2],3]]`, `[[1,2],{}]`, `[[1,2],3]`, `[[1,2]`, `[[1,2],]`, ``,
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want [][2]uint64
		wantErr := json.Unmarshal([]byte(text), &want)
		var got Buckets
		gotErr := json.Unmarshal([]byte(text), &got)
		if (wantErr == nil) != (gotErr == nil) {
			t.Fatalf("%q: %v, want %v", text, gotErr, wantErr)
		}
		if d := cmp.Diff(want, [][2]uint64(got)); d != "" && wantErr == nil {
			t.Errorf("%q (-want +got):\n%s", text, d)
		}
	})
}

// TestValid reads what a trial with each flag says of itself, and with several.
func TestValid(t *testing.T) {
	for flags, want := range map[string]bool{
		"": true, FlagUnsteady: true, FlagUnsteady + " " + FlagShort: true,
		FlagSteal: false, FlagLinkFull: false, FlagUnsteady + " " + FlagCorrupt: false,
	} {
		var line strings.Builder
		trial := Trial{Flags: strings.Fields(flags), Valid: !want} // what is computed counts
		if err := NewWriter(&line).Write(trial); err != nil {
			t.Fatal(err)
		}
		var got struct{ Valid *bool }
		if err := json.Unmarshal([]byte(line.String()), &got); err != nil {
			t.Fatal(err)
		}
		if got.Valid == nil || *got.Valid != want {
			t.Errorf("flags %q: %s, want valid %v", flags, line.String(), want)
		}
	}
}
