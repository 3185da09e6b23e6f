package history

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/quick"
	"time"
	"unicode"

	"tunbench/reports/record"
	"tunbench/reports/series"
)

// addsEnv tells a copy of the test binary to add the runs of one folder to the
// history in another, by two file names with a newline between them.
const addsEnv = "TUNBENCH_TEST_ADDS"

func TestMain(m *testing.M) {
	if from, to, ok := strings.Cut(os.Getenv(addsEnv), "\n"); ok {
		runs, err := filepath.Glob(filepath.Join(from, "*"))
		for _, run := range runs {
			if err == nil {
				_, err = Add(to, run, "")
			}
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

const scenario = "Tun/dir=k2u/gen=udp/queues=1/size=64"

// write writes run i into a file of its own; it is interrupted without end.
func write(t *testing.T, dir string, i, trials int, end bool, change func(*record.Run, *record.Trial)) string {
	t.Helper()
	path := filepath.Join(dir, fmt.Sprintf("%03d.jsonl", i))
	w, err := record.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	started := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, i)
	run := record.Run{ID: fmt.Sprintf("%s-%08x", started.Format("20060102T150405.000Z"), i), Started: started.Format(time.RFC3339Nano), Clock: "monotonic", Host: record.Host{CPU: "Z80"}}
	var list []record.Trial
	for k := range trials {
		list = append(list, record.Trial{Scenario: scenario, Arm: record.Bare, Pair: k + 1, Trial: k + 1, Metrics: map[string]float64{record.PPS: 1e6 + float64(i)}})
	}
	for k := range list {
		if change != nil {
			change(&run, &list[k])
		}
	}
	records := []record.Record{run}
	for _, trial := range list {
		records = append(records, trial)
	}
	if end {
		records = append(records, record.End{Trials: trials})
	}
	for _, r := range records {
		if err := w.Write(r); err != nil {
			t.Fatal(err)
		}
	}
	return path
}

func add(t *testing.T, dir, run, release string) Added {
	t.Helper()
	done, err := Add(dir, run, release)
	if err != nil {
		t.Fatal(err)
	}
	return done
}

// read gives the history as text, a run a line, and its problems.
func read(t *testing.T, dir string) (text []string, problems []string) {
	t.Helper()
	runs, problems, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range runs {
		line := r.Run.ID + " " + r.Release
		for _, f := range r.Figures {
			line += fmt.Sprintf(" %s %v %d/%d", f.Metric, f.Value, f.N, f.Of)
		}
		text = append(text, line)
	}
	return text, problems
}

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != indexName && e.Name() != lockName {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestAdd(t *testing.T) {
	from, dir := t.TempDir(), filepath.Join(t.TempDir(), "deep", "history")
	run := write(t, from, 1, 3, true, nil)
	done := add(t, dir, run, "")
	if done.There || done.Cut || !strings.HasPrefix(done.File, "20260102T000000Z-") || !strings.HasSuffix(done.File, "-20260102T000000-000Z-00000001.jsonl") {
		t.Errorf("%+v", done)
	}
	before, err := os.ReadFile(filepath.Join(dir, done.File))
	if err != nil {
		t.Fatal(err)
	}
	if again := add(t, dir, run, ""); !again.There || again.File != done.File {
		t.Errorf("again: %+v", again)
	}
	if marked := add(t, dir, run, "v1"); !marked.There || marked.Release != "v1" {
		t.Errorf("marked afterwards: %+v", marked)
	}
	if marked := add(t, dir, run, "v1"); marked.Release != "" {
		t.Errorf("marked twice: %+v", marked)
	}
	if _, err := Add(dir, run, "v2"); err == nil || !strings.Contains(err.Error(), "is release v1 already") {
		t.Errorf("another release: %v", err)
	}
	if after, err := os.ReadFile(filepath.Join(dir, done.File)); err != nil || string(after) != string(before) {
		t.Errorf("the file changed: %v", err)
	}
	if text, problems := read(t, dir); len(problems) > 0 || !slices.Equal(text, []string{"20260102T000000.000Z-00000001 v1 pps 1.000001e+06 3/3"}) {
		t.Errorf("%q, problems %q", text, problems)
	}
	if names := files(t, dir); len(names) != 2 {
		t.Errorf("files %q", names)
	}
}

func TestAddRefuses(t *testing.T) {
	from, dir := t.TempDir(), t.TempDir()
	torn := filepath.Join(from, "torn.jsonl")
	if err := os.WriteFile(torn, []byte(`{"kind":"run","sche`), 0o666); err != nil {
		t.Fatal(err)
	}
	for i, test := range []struct {
		run, release, want string
	}{
		{filepath.Join(from, "nosuch"), "", "no such file"},
		{from, "", "no such file"},
		{torn, "", "no run header"},
		{write(t, from, 1, 2, true, func(_ *record.Run, t *record.Trial) { t.Variant = "a" }), "", "variants of tunbench ab"},
		{write(t, from, 2, 1, true, func(r *record.Run, _ *record.Trial) { r.ID = "" }), "", "has no id"},
		{write(t, from, 3, 1, true, func(r *record.Run, _ *record.Trial) { r.Started = "yesterday" }), "", `started at "yesterday"`},
		{write(t, from, 4, 1, true, nil), "v\x1b", "cannot be printed"},
		{write(t, from, 5, 1, true, nil), " v", "spaces at an end"},
	} {
		if _, err := Add(dir, test.run, test.release); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%d: %v, want %q", i, err, test.want)
		}
	}
	if names := files(t, dir); len(names) > 0 {
		t.Errorf("refused, but there: %q", names)
	}
	if _, _, err := Read(filepath.Join(dir, "nosuch")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a history that is not there: %v", err)
	}
}

// A run that was interrupted is taken; gone on with, it counts once, and nothing
// of what was there is lost.
func TestAddGoneOn(t *testing.T) {
	from, dir := t.TempDir(), t.TempDir()
	run := write(t, from, 1, 2, false, nil)
	if done := add(t, dir, run, "v1"); !done.Cut {
		t.Errorf("interrupted: %+v", done)
	}
	run = write(t, from, 1, 5, true, nil)
	if done := add(t, dir, run, ""); done.There || done.Cut || !strings.HasSuffix(done.File, ".2.jsonl") {
		t.Errorf("gone on with: %+v", done)
	}
	if done := add(t, dir, run, ""); !done.There {
		t.Errorf("again: %+v", done)
	}
	if text, problems := read(t, dir); len(problems) > 0 || len(text) != 1 || !strings.HasSuffix(text[0], "v1 pps 1.000001e+06 5/5") {
		t.Errorf("%q, problems %q", text, problems)
	}
	other := write(t, from, 1, 5, true, func(_ *record.Run, t *record.Trial) { t.Metrics[record.PPS] = 7 })
	if _, err := Add(dir, other, ""); err == nil || !strings.Contains(err.Error(), "has the same run") {
		t.Errorf("another run of that id: %v", err)
	}
	if names := files(t, dir); len(names) != 3 {
		t.Errorf("files %q", names)
	}
}

func TestIndexIsACache(t *testing.T) {
	from, dir := t.TempDir(), t.TempDir()
	for i := range 5 {
		add(t, dir, write(t, from, i, 2, true, nil), "")
	}
	want, _ := read(t, dir)
	index := filepath.Join(dir, indexName)
	whole, err := os.ReadFile(index)
	if err != nil {
		t.Fatal(err)
	}
	if known, sound := readIndex(dir); !sound || len(known) != 5 {
		t.Fatalf("index: %d runs, sound %v", len(known), sound)
	}
	for name, content := range map[string][]byte{
		"torn":         whole[:len(whole)/2],
		"changed":      []byte(strings.Replace(string(whole), "1000003", "1000004", 1)),
		"empty":        nil,
		"foreign":      []byte("hello\n"),
		"newer schema": []byte(strings.Replace(string(whole), `"schema":2,"runs"`, `"schema":3,"runs"`, 1)),
	} {
		if string(content) == string(whole) {
			t.Fatalf("%s: the index is as it was", name)
		}
		if err := os.WriteFile(index, content, 0o666); err != nil {
			t.Fatal(err)
		}
		if got, problems := read(t, dir); !slices.Equal(got, want) || len(problems) > 0 {
			t.Errorf("%s: %q, problems %q", name, got, problems)
		}
		if _, sound := readIndex(dir); !sound {
			t.Errorf("%s: the index is not made again", name)
		}
	}
	if err := os.Remove(index); err != nil {
		t.Fatal(err)
	}
	if got, _ := read(t, dir); !slices.Equal(got, want) {
		t.Errorf("without an index: %q", got)
	}
	// The index is really used: what it says is believed while the file is as old.
	known, _ := readIndex(dir)
	var list []indexed
	for _, one := range known {
		one.Figures[0].Value = 5
		list = append(list, one)
	}
	if err := writeIndex(dir, list); err != nil {
		t.Fatal(err)
	}
	if got, _ := read(t, dir); !strings.Contains(got[0], "pps 5 2/2") {
		t.Errorf("the index is not used: %q", got[0])
	}
	// And not when the file is newer.
	name := filepath.Join(dir, files(t, dir)[0])
	if err := os.Chtimes(name, time.Time{}, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got, _ := read(t, dir); got[0] != want[0] || !strings.Contains(got[1], "pps 5") {
		t.Errorf("a newer file: %q", got)
	}
}

func TestOtherFilesAreNamed(t *testing.T) {
	from, dir := t.TempDir(), t.TempDir()
	add(t, dir, write(t, from, 1, 2, true, nil), "")
	add(t, dir, write(t, from, 2, 2, true, nil), "v2")
	good := files(t, dir)
	for name, content := range map[string]string{
		"torn.jsonl": `{"kind":"run","sche`, "notes.txt": "hello", "bad.release.json": "{", "gone.release.json": `{"kind":"release","name":"v9","run":"x"}`,
		"a.b.jsonl": "{}", ".add-left": "half",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "folder"), 0o777); err != nil {
		t.Fatal(err)
	}
	twin, err := os.ReadFile(filepath.Join(dir, good[0]))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "twin.jsonl"), twin, 0o666); err != nil {
		t.Fatal(err)
	}
	text, problems := read(t, dir)
	all := strings.Join(problems, "\n")
	for _, want := range []string{"torn.jsonl is torn", "notes.txt is no file", "bad.release.json is no mark", "gone.release.json marks a run that is not there", "a.b.jsonl is no file", "folder is no file", "twin.jsonl is the same run"} {
		if !strings.Contains(all, want) {
			t.Errorf("problems %q do not tell %q", problems, want)
		}
	}
	if len(text) != 2 || len(problems) != 7 {
		t.Errorf("%q, %d problems %q", text, len(problems), problems)
	}
	if slices.Contains(files(t, dir), ".add-left") {
		t.Error("what a killed process left is still there")
	}
}

func TestAck(t *testing.T) {
	from, dir := t.TempDir(), t.TempDir()
	add(t, dir, write(t, from, 1, 2, true, nil), "")
	const id = "0123456789"
	for _, test := range []struct{ id, reason, want string }{
		{"", "r", "no ID of a finding"}, {"../../etc/x", "r", "no ID of a finding"}, {"0123456789ab", "r", "no ID of a finding"},
		{id, "", "--reason is empty"}, {id, " \t", "--reason is empty"}, {id, "a\x1bb", "cannot be printed"},
	} {
		if err := Ack(dir, test.id, series.Ack{Reason: test.reason}); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q, %q: %v, want %q", test.id, test.reason, err, test.want)
		}
	}
	want := series.Ack{Reason: `a|b "c" ä`, Time: "2026-01-02T03:04:05Z"}
	if err := Ack(dir, id, want); err != nil {
		t.Fatal(err)
	}
	if err := Ack(dir, id, series.Ack{Reason: "other"}); err == nil || !strings.Contains(err.Error(), "acknowledged already, 2026-01-02T03:04:05Z: "+want.Reason) {
		t.Errorf("twice: %v", err)
	}
	for name, content := range map[string]string{"aaaaaaaaaa.ack.json": "{", "bbbbbbbbbb.ack.json": `{"kind":"ack","id":"cccccccccc","reason":"r"}`, "dddddddddd.ack.json": `{"kind":"ack","id":"dddddddddd"}`} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	if err := Ack(dir, "aaaaaaaaaa", want); err == nil || !strings.Contains(err.Error(), "something is there already") {
		t.Errorf("over a torn one: %v", err)
	}
	acks, problems, err := Acks(dir)
	if err != nil || len(acks) != 1 || acks[id] != want || len(problems) != 3 {
		t.Errorf("%+v, problems %q, %v", acks, problems, err)
	}
	// They are no runs, and nobody else's business.
	if text, problems := read(t, dir); len(text) != 1 || len(problems) > 0 {
		t.Errorf("%q, problems %q", text, problems)
	}
	if _, _, err := Acks(filepath.Join(dir, "nosuch")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no history: %v", err)
	}
}

// Two processes at once add their own runs and common ones.
func TestProcessesAddAtOnce(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	const own, common = 25, 15
	var processes []*exec.Cmd
	for p := range 3 {
		from := t.TempDir()
		for i := range own {
			write(t, from, 1000*(p+1)+i, 1, true, nil)
		}
		for i := range common {
			write(t, from, i, 1, true, nil)
		}
		cmd := exec.Command(self)
		cmd.Env = append(os.Environ(), addsEnv+"="+from+"\n"+dir)
		cmd.Stderr = os.Stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		processes = append(processes, cmd)
	}
	for range 20 { // while they add
		if _, problems := read(t, dir); len(problems) > 0 {
			t.Errorf("problems %q", problems)
		}
	}
	for _, cmd := range processes {
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
	text, problems := read(t, dir)
	if len(text) != 3*own+common || len(problems) > 0 || len(files(t, dir)) != len(text) {
		t.Errorf("%d runs in %d files, want %d; problems %q", len(text), len(files(t, dir)), 3*own+common, problems)
	}
}

func TestAFolderThatCannotBeWritten(t *testing.T) {
	from, dir := t.TempDir(), t.TempDir()
	add(t, dir, write(t, from, 1, 2, true, nil), "")
	os.Remove(filepath.Join(dir, indexName))
	os.Remove(filepath.Join(dir, lockName))
	// Root may write where others may not, so that the index and the lock are
	// folders instead.
	for _, name := range []string{indexName, lockName} {
		if err := os.MkdirAll(filepath.Join(dir, name, "x"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if text, problems := read(t, dir); len(text) != 1 || len(problems) > 0 {
		t.Errorf("%q, problems %q", text, problems)
	}
	add(t, dir, write(t, from, 2, 2, true, nil), "")
	if text, _ := read(t, dir); len(text) != 2 {
		t.Errorf("%q", text)
	}
}

// Any id and any release that can be printed survives, and no two ids share a
// file.
func TestNamesSurvive(t *testing.T) {
	from, dir := t.TempDir(), t.TempDir()
	ids := map[string]bool{}
	survives := func(id, release string) bool {
		id = strings.ToValidUTF8(id, "?") // JSON has no other
		release = strings.TrimSpace(strings.Map(func(r rune) rune {
			if !unicode.IsPrint(r) {
				return -1
			}
			return r
		}, strings.ToValidUTF8(release, "?")))
		if id == "" || ids[id] {
			return true
		}
		run := write(t, from, 1, 1, true, func(r *record.Run, _ *record.Trial) { r.ID = id })
		done, err := Add(dir, run, release)
		if err != nil || done.There || filepath.Base(done.File) != done.File {
			t.Logf("add %q, release %q: %+v, %v", id, release, done, err)
			return false
		}
		ids[id] = true
		runs, problems, err := Read(dir)
		i := slices.IndexFunc(runs, func(r series.StoredRun) bool { return r.Run.ID == id })
		return err == nil && len(problems) == 0 && len(runs) == len(ids) && i >= 0 && runs[i].Release == release
	}
	for _, id := range []string{"a|b", "a\"b", "a\nb", "a,b", "ä", "a\x00b", "../../x", "a.b", "a-b", "..", strings.Repeat("x", 300), strings.Repeat("x", 301)} {
		if !survives(id, id[:1]+"|`\"',ä") {
			t.Errorf("%q does not survive", id)
		}
	}
	if err := quick.Check(survives, &quick.Config{MaxCount: 60}); err != nil {
		t.Error(err)
	}
}
