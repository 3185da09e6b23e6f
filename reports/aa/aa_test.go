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
	if _, err := Load(dir, here); !errors.Is(err, ErrNone) {
		t.Fatalf("load of nothing: %v", err)
	}
	old := New(here, "v1", noon, scenario, 10, map[string]float64{record.PPS: 0.5})
	first := New(here, "v1", noon.Add(time.Hour), scenario, 10, map[string]float64{record.PPS: 0.021, record.Loss: 0.0004})
	second := New(here, "v1", noon.Add(2*time.Hour), "Tap/dir=k2u", 20, map[string]float64{record.PPS: 0.034, record.Jain: 0.01})
	elsewhere := here
	elsewhere.CPU = "another"
	stored(t, dir, old, second, first, New(elsewhere, "v1", noon, scenario, 10, map[string]float64{record.PPS: 0.9}))

	k, err := Load(dir, here)
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

// A run under another kernel is not used, and the next kernel's does not drive
// it out: who boots two kernels in turn keeps both.
func TestStale(t *testing.T) {
	dir := t.TempDir()
	stored(t, dir, New(here, "v1", noon, scenario, 10, map[string]float64{record.PPS: 0.02}))
	next := here
	next.KernelVersion = "#2 SMP Tue Nov 11 10:00:00 UTC 2026" // built anew, same release
	_, err := Load(dir, next)
	if !errors.Is(err, ErrStale) || !strings.Contains(err.Error(), "#1 SMP") || !strings.Contains(err.Error(), "#2 SMP") || !strings.Contains(err.Error(), "tunbench ab") {
		t.Errorf("load under another kernel: %v", err)
	}
	stored(t, dir, New(next, "v1", noon.Add(time.Hour), scenario, 10, map[string]float64{record.PPS: 0.05}))
	for h, want := range map[*record.Host]float64{&here: 0.02, &next: 0.05} {
		k, err := Load(dir, *h)
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
		stored(t, dir, New(h, "v1", noon.Add(time.Duration(-i)*time.Hour), scenario, 10, map[string]float64{record.PPS: 0.02}))
		if i == 0 {
			here := here
			here.KernelVersion = "#newest"
			stored(t, dir, New(here, "v1", noon.Add(time.Hour), scenario, 10, map[string]float64{record.PPS: 0.02}))
		}
	}
	all, err := read(dir, Fingerprint(here))
	if err != nil || len(all) != most || all[most-1].KernelVersion != "#newest" {
		t.Errorf("%d results kept, %v", len(all), err)
	}
}

func TestCorrupt(t *testing.T) {
	good := New(here, "v1", noon, scenario, 10, map[string]float64{record.PPS: 0.02})
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
		if _, err := Load(dir, here); err == nil || !strings.Contains(err.Error(), file) {
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
		"no scenario":  func(r *Result) { r.Scenario = "" },
		"NaN":          func(r *Result) { r.Seen = map[string]float64{record.PPS: math.NaN()} },
		"+Inf":         func(r *Result) { r.Seen = map[string]float64{record.PPS: math.Inf(1)} },
		"-0.1":         func(r *Result) { r.Seen = map[string]float64{record.PPS: -0.1} },
		"no metric":    func(r *Result) { r.Seen = nil },
		"RFC 3339":     func(r *Result) { r.Measured = "yesterday" },
		"0 pairs":      func(r *Result) { r.Pairs = 0 },
		"fingerprint ": func(r *Result) { r.Fingerprint = "../../etc/passwd" },
	} {
		dir := t.TempDir()
		r := New(here, "v1", noon, scenario, 10, map[string]float64{record.PPS: 0.02})
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
	r := New(here, "v1", noon, scenario, 10, map[string]float64{record.PPS: 0.02})
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
	r := New(record.Host{CPU: "x"}, "1", time.Now(), "s", 10, map[string]float64{"pps": 0.02})
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
