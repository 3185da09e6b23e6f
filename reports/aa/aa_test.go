package aa

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"tunbench/reports/record"
)

var (
	here = record.Host{
		Kernel: "6.18.0", KernelVersion: "#1 SMP Mon Nov 10 10:00:00 UTC 2026", Arch: "x86_64", CPU: "AMD EPYC 7763",
		CPUs: 2, SMT: "on", Virt: "kvm", MemoryBytes: 7_900_000_000,
	}
	noon = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
)

const scenario = "Tun/dir=k2u/gen=udp/queues=1/size=64"

// made is an A/A run of 40 trials, none of which was disturbed.
func made(h record.Host, tool string, measured time.Time, scenario string, pairs int, seen map[string]float64) Result {
	return New(h, tool, measured, Result{Scenario: scenario, Pairs: pairs, Trials: 40, Seen: seen})
}

// coarse refuses what the packet rate needs more than 9 % for, and the loss more
// than 0.3 points.
func coarse(metric string, seen float64) string {
	if limit, ok := map[string]float64{record.PPS: 0.09, record.Loss: 0.003}[metric]; ok && seen > limit {
		return "too coarse in " + metric
	}
	return ""
}

func stored(t *testing.T, dir string, results ...Result) {
	t.Helper()
	for _, r := range results {
		if err := Store(dir, r); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFingerprint(t *testing.T) {
	same := []func(*record.Host){
		func(h *record.Host) { h.Kernel, h.KernelVersion = "6.12.1", "#2" },
		func(h *record.Host) { h.Cmdline, h.Governor, h.Clocksource = "quiet", "performance", "tsc" },
		func(h *record.Host) { h.MemoryBytes -= 20 << 20 },
	}
	other := []func(*record.Host){
		func(h *record.Host) { h.CPU = "AMD EPYC 7713" },
		func(h *record.Host) { h.CPUs = 4 },
		func(h *record.Host) { h.SMT = "off" },
		func(h *record.Host) { h.Arch = "aarch64" },
		func(h *record.Host) { h.Virt = "none" },
		func(h *record.Host) { h.MemoryBytes *= 2 },
		// A field's end is part of it.
		func(h *record.Host) { h.CPU, h.Arch = h.CPU+`" "`+h.SMT, "" },
	}
	want := Fingerprint(here)
	if len(want) != 16 {
		t.Errorf("fingerprint %q", want)
	}
	for i, change := range same {
		h := here
		change(&h)
		if got := Fingerprint(h); got != want {
			t.Errorf("%d: the same host has fingerprint %s, then %s", i, want, got)
		}
	}
	for i, change := range other {
		h := here
		change(&h)
		if Fingerprint(h) == want {
			t.Errorf("%d: another host has the same fingerprint", i)
		}
	}
}

func TestStoreAndLoad(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "cache", "aa")
	if _, err := Load(dir, here, coarse); !errors.Is(err, ErrNone) {
		t.Fatalf("load of nothing: %v", err)
	}
	old := made(here, "v1", noon, scenario, 10, map[string]float64{record.PPS: 0.5})
	first := made(here, "v1", noon.Add(time.Hour), scenario, 10, map[string]float64{record.PPS: 0.021, record.Loss: 0.0004})
	second := made(here, "v1", noon.Add(2*time.Hour), "Tap/dir=k2u", 20, map[string]float64{record.PPS: 0.034, record.Jain: 0.01})
	elsewhere := here
	elsewhere.CPU = "another"
	stored(t, dir, old, second, first, made(elsewhere, "v1", noon, scenario, 10, map[string]float64{record.PPS: 0.9}))

	k, err := Load(dir, here, coarse)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]Result{second, first}, k.Results); d != "" {
		t.Errorf("results (-want +got):\n%s", d)
	}
	if d := cmp.Diff(map[string]float64{record.PPS: 0.034, record.Loss: 0.0004, record.Jain: 0.01}, k.Sees()); d != "" {
		t.Errorf("host (-want +got):\n%s", d)
	}
	for _, tt := range []struct {
		scenario, metric string
		want             float64
		ok               bool
	}{
		{scenario, record.PPS, 0.021, true},
		{scenario, record.Jain, 0.01, true}, // its own run has no such metric
		{"Tun/other", record.PPS, 0.034, true},
		{scenario, "p50", 0, false},
	} {
		if got, ok := k.Seen(tt.scenario, tt.metric); got != tt.want || ok != tt.ok {
			t.Errorf("Seen(%s, %s) = %v, %v, want %v, %v", tt.scenario, tt.metric, got, ok, tt.want, tt.ok)
		}
	}
	if st, err := os.Stat(path(dir, Fingerprint(here))); err != nil || st.Mode().Perm() != 0o644 {
		t.Errorf("file: %v, %v", st, err)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

// What says nothing of the host is not used, also where an older tunbench stored
// it: a run of which a tenth was disturbed, and one that is too coarse.
func TestUnfit(t *testing.T) {
	pps := func(seen float64) map[string]float64 {
		return map[string]float64{record.PPS: seen, record.CPUNsPerPkt: 0.05}
	}
	for name, tt := range map[string]struct {
		trials, disturbed int
		seen              map[string]float64
		fit               map[string]float64
		unfit             string
	}{
		"quiet":              {40, 0, pps(0.02), pps(0.02), ""},
		"at its limit":       {40, 4, pps(0.09), pps(0.09), ""},
		"disturbed":          {40, 5, pps(0.02), map[string]float64{}, "5 of its 40 trials were disturbed"},
		"all disturbed":      {40, 40, pps(0.02), map[string]float64{}, "40 of its 40 trials were disturbed"},
		"too coarse":         {40, 0, pps(0.51), map[string]float64{}, "too coarse in pps"},
		"coarse in one":      {40, 0, map[string]float64{record.PPS: 0.02, record.Loss: 0.08}, map[string]float64{record.PPS: 0.02}, ""},
		"nobody counted":     {0, 0, pps(0.02), pps(0.02), ""},
		"an old, coarse one": {0, 0, pps(0.51), map[string]float64{}, "too coarse in pps"},
	} {
		r := made(here, "v1", noon, scenario, 10, tt.seen)
		r.Trials, r.Disturbed = tt.trials, tt.disturbed
		fit, wrong := r.Fit(coarse)
		if d := cmp.Diff(tt.fit, fit.Seen); d != "" || len(fit.Seen)+len(wrong) != len(tt.seen) {
			t.Errorf("%s (-want +got): %s; wrong: %v", name, d, wrong)
		}
		if got := r.Unfit(coarse); !strings.HasPrefix(got, tt.unfit) || (got == "") != (tt.unfit == "") {
			t.Errorf("%s: %q, want %q", name, got, tt.unfit)
		}
		dir := t.TempDir()
		stored(t, dir, r)
		k, err := Load(dir, here, coarse)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(tt.fit, k.Sees()); d != "" || (len(k.Unfit) == 1) != (tt.unfit != "") {
			t.Errorf("%s, loaded (-want +got): %s; unfit: %v", name, d, k.Unfit)
		}
		if _, ok := k.Seen(scenario, record.PPS); ok != (tt.unfit == "") {
			t.Errorf("%s is used: %v", name, ok)
		}
	}
}

// What is kept can be looked at, and forgotten, whatever state it is in.
func TestForget(t *testing.T) {
	dir := t.TempDir()
	file := path(dir, Fingerprint(here))
	if _, err := Forget(dir, here); !errors.Is(err, ErrNone) {
		t.Errorf("forget nothing: %v", err)
	}
	if all, name, err := Stored(dir, here); err != nil || len(all) != 0 || name != file {
		t.Errorf("of nothing: %v, %s, %v", all, name, err)
	}
	next, elsewhere := here, here
	next.KernelVersion, elsewhere.CPU = "#2", "another"
	stored(t, dir, made(next, "v1", noon.Add(time.Hour), scenario, 10, map[string]float64{record.PPS: 0.02}),
		made(here, "v1", noon, scenario, 10, map[string]float64{record.PPS: 0.5}),
		made(elsewhere, "v1", noon, scenario, 10, map[string]float64{record.PPS: 0.02}))
	if all, _, err := Stored(dir, here); err != nil || len(all) != 2 || all[0].Seen[record.PPS] != 0.5 {
		t.Errorf("stored: %+v, %v", all, err)
	}
	if name, err := Forget(dir, here); err != nil || name != file {
		t.Errorf("%s, %v", name, err)
	}
	if _, err := Load(dir, here, coarse); !errors.Is(err, ErrNone) {
		t.Errorf("it is still there: %v", err)
	}
	if _, err := Load(dir, elsewhere, coarse); err != nil {
		t.Errorf("another host's are gone, too: %v", err)
	}
	if err := os.WriteFile(file, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, _, err := Stored(dir, here); err == nil || !strings.Contains(err.Error(), file) {
		t.Errorf("a corrupt file: %v", err)
	}
	if _, err := Forget(dir, here); err != nil {
		t.Errorf("a corrupt file is not forgotten: %v", err)
	}
}

// A run under another kernel is not used, and the next kernel's does not drive
// it out: who boots two kernels in turn keeps both.
func TestStale(t *testing.T) {
	dir := t.TempDir()
	stored(t, dir, made(here, "v1", noon, scenario, 10, map[string]float64{record.PPS: 0.02}))
	next := here
	next.KernelVersion = "#2 SMP Tue Nov 11 10:00:00 UTC 2026" // built anew, same release
	_, err := Load(dir, next, coarse)
	if !errors.Is(err, ErrStale) || !strings.Contains(err.Error(), "#1 SMP") || !strings.Contains(err.Error(), "#2 SMP") || !strings.Contains(err.Error(), "tunbench ab") {
		t.Errorf("load under another kernel: %v", err)
	}
	stored(t, dir, made(next, "v1", noon.Add(time.Hour), scenario, 10, map[string]float64{record.PPS: 0.05}))
	for h, want := range map[*record.Host]float64{&here: 0.02, &next: 0.05} {
		k, err := Load(dir, *h, coarse)
		if err != nil {
			t.Fatal(err)
		}
		if got, _ := k.Seen(scenario, record.PPS); got != want {
			t.Errorf("under %s: %v, want %v", h.KernelVersion, got, want)
		}
	}
}

func TestOldestLeaveFirst(t *testing.T) {
	dir := t.TempDir()
	for i := range most + 3 {
		h := here
		h.KernelVersion = "#" + string(rune('a'+i))
		stored(t, dir, made(h, "v1", noon.Add(time.Duration(-i)*time.Hour), scenario, 10, map[string]float64{record.PPS: 0.02}))
		if i == 0 {
			here := here
			here.KernelVersion = "#newest"
			stored(t, dir, made(here, "v1", noon.Add(time.Hour), scenario, 10, map[string]float64{record.PPS: 0.02}))
		}
	}
	all, err := read(dir, Fingerprint(here))
	if err != nil || len(all) != most || all[most-1].KernelVersion != "#newest" {
		t.Errorf("%d results kept, %v", len(all), err)
	}
}

func TestCorrupt(t *testing.T) {
	good := made(here, "v1", noon, scenario, 10, map[string]float64{record.PPS: 0.02})
	for name, text := range map[string]string{
		"torn":           `{"schema":1,"results":[{"finger`,
		"empty":          ``,
		"no schema":      `{"results":[]}`,
		"negative":       `{"schema":1,"results":[{"fingerprint":"` + good.Fingerprint + `","seen":{"pps":-1}}]}`,
		"newer schema":   `{"schema":2}`,
		"another's host": `{"schema":1,"results":[{"scenario":"Tun","fingerprint":"0123456789abcdef","measured":"2026-11-20T12:00:00Z","pairs":10,"seen":{"pps":0.1}}]}`,
	} {
		dir := t.TempDir()
		file := path(dir, good.Fingerprint)
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := Load(dir, here, coarse); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: load: %v", name, err)
		}
		if err := Store(dir, good); err == nil || !strings.Contains(err.Error(), file) {
			t.Errorf("%s: store: %v", name, err)
		}
		if after, err := os.ReadFile(file); err != nil || string(after) != text {
			t.Errorf("%s: the file was touched", name)
		}
	}
}

func TestStoreRefuses(t *testing.T) {
	for want, spoil := range map[string]func(*Result){
		"no scenario":             func(r *Result) { r.Scenario = "" },
		"NaN":                     func(r *Result) { r.Seen = map[string]float64{record.PPS: math.NaN()} },
		"+Inf":                    func(r *Result) { r.Seen = map[string]float64{record.PPS: math.Inf(1)} },
		"-0.1":                    func(r *Result) { r.Seen = map[string]float64{record.PPS: -0.1} },
		"no metric":               func(r *Result) { r.Seen = nil },
		"RFC 3339":                func(r *Result) { r.Measured = "yesterday" },
		"0 pairs":                 func(r *Result) { r.Pairs = 0 },
		"5 disturbed trials of 4": func(r *Result) { r.Trials, r.Disturbed = 4, 5 },
		"fingerprint ":            func(r *Result) { r.Fingerprint = "../../etc/passwd" },
	} {
		dir := t.TempDir()
		r := made(here, "v1", noon, scenario, 10, map[string]float64{record.PPS: 0.02})
		spoil(&r)
		if err := Store(dir, r); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want an error with %q, got %v", want, err)
		}
		if files, err := os.ReadDir(dir); err != nil || len(files) > 0 {
			t.Errorf("%s: %d files were written, %v", want, len(files), err)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	r := made(here, "v1", noon, scenario, 10, map[string]float64{record.PPS: 0.02})
	if err := Store(filepath.Join(file, "sub"), r); err == nil {
		t.Error("no error below a file")
	}
}

func TestDir(t *testing.T) {
	t.Setenv("SUDO_UID", "") // of the user who runs the tests by sudo
	t.Setenv("XDG_CACHE_HOME", "/var/tmp/cache")
	if got, err := Dir(); err != nil || got != "/var/tmp/cache/tunbench/aa" {
		t.Errorf("%s, %v", got, err)
	}
	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("HOME", "/home/user")
	if got, err := Dir(); err != nil || got != "/home/user/.cache/tunbench/aa" {
		t.Errorf("%s, %v", got, err)
	}
	t.Setenv("HOME", "")
	if _, err := Dir(); err == nil {
		t.Error("a cache folder without a home")
	}
}

// What sudo's root stores in a user's cache is the user's.
func TestBelongsToTheUser(t *testing.T) {
	if os.Geteuid() != 0 {
		if os.Getenv("CI") == "true" {
			t.Fatal("needs root, and CI must have it")
		}
		t.Skip("needs root")
	}
	const user = 65534
	home := t.TempDir()
	if err := os.Chown(home, user, user); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(home, ".cache", "tunbench", "aa")
	r := made(record.Host{CPU: "x"}, "1", time.Now(), "s", 10, map[string]float64{"pps": 0.02})
	if err := Store(dir, r); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := filepath.WalkDir(home, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Stat(path, &st); err != nil {
			return err
		}
		if n++; st.Uid != user || st.Gid != user {
			t.Errorf("%s belongs to %d:%d", path, st.Uid, st.Gid)
		}
		return nil
	})
	if err != nil || n != 5 {
		t.Errorf("%d paths, %v", n, err)
	}

	t.Setenv("XDG_CACHE_HOME", "")
	t.Setenv("SUDO_UID", "0")
	if got, err := Dir(); err != nil || !strings.HasSuffix(got, "/.cache/tunbench/aa") {
		t.Errorf("under sudo: %s, %v", got, err)
	}
}
