package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testModule is a folder with scripts/test.sh and a module of a few packages, whose tests
// write down when they begin and end.
func testModule(t *testing.T) (dir string) {
	t.Helper()
	if os.Geteuid() != 0 {
		lacking(t, "needs root, as the second part of scripts/test.sh")
	}
	if _, err := exec.LookPath("go"); err != nil {
		lacking(t, "needs Go: %v", err)
	}
	dir = t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"test.sh", "test-summary.sh", "as-root.sh"} {
		text, err := os.ReadFile("../../../scripts/" + name)
		if err != nil {
			t.Fatal(err)
		}
		write("scripts/"+name, string(text))
	}
	write("go.mod", "module example.org/m\n\ngo 1.26\n")
	write("go", "#!/bin/sh\n[ \"$1\" = build ] || exec go \"$@\"\n") // benchstat is in another module
	const head = `package x

import ("fmt"; "os"; "testing"; "time")

func takes(t *testing.T) {
	say := func(what string) {
		f, err := os.OpenFile(os.Getenv("MOMENTS"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o666)
		if err != nil { t.Fatal(err) }
		fmt.Fprintln(f, what, t.Name())
		f.Close()
	}
	say("begin")
	time.Sleep(100*time.Millisecond)
	say("end")
	if os.Getenv("FAILS") == t.Name() { t.Error("as it was told") }
	if os.Getenv("SKIPS") == t.Name() { t.Skip("needs this and that") }
}
`
	test := func(name string, subtests ...string) string {
		body := "takes(t)"
		if len(subtests) > 0 {
			body = fmt.Sprintf("for _, s := range %#v { t.Run(s, takes) }", subtests)
		}
		return "func " + name + "(t *testing.T) { " + body + " }\n"
	}
	write("bench/cmd/tunbench/x_test.go", head+test("TestNopsInGuest")+test("TestGuestHooksAgree", "6.1", "6.12", "6.12-cloud-arm64")+test("TestNative"))
	write("harness/trial/x_test.go", head+test("TestInGuests", "6.1", "6.12", "9.9")+test("TestTrial"))
	write("harness/watch/x_test.go", head+test("TestWatch")) // of the same name as the next
	write("reports/document/watch/x_test.go", head+test("TestDocument"))
	write("reports/export/x_test.go", head+test("TestExport"))
	write("reports/none/x.go", "package x\n")
	return dir
}

// testRun runs the tests of a testModule, and returns what scripts/test.sh printed, what
// began and ended, and whether it succeeded.
func testRun(t *testing.T, dir string, env ...string) (out string, moments []string, ok bool) {
	t.Helper()
	cmd := exec.Command(filepath.Join(dir, "scripts/test.sh"), "all")
	cmd.Env = append(append(os.Environ(), "GO="+filepath.Join(dir, "go"), "MOMENTS="+filepath.Join(dir, "moments"), "GOFLAGS=", "CI="), env...)
	text, err := cmd.CombinedOutput()
	said, readErr := os.ReadFile(filepath.Join(dir, "moments"))
	if readErr != nil {
		t.Fatalf("%v, %v\n%s", readErr, err, text)
	}
	left, err2 := filepath.Glob(filepath.Join(dir, ".build/test/*.log.*"))
	if err2 != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err2)
	}
	return string(text), strings.Split(strings.TrimSpace(string(said)), "\n"), err == nil
}

// Every test is run once, whether its package runs beside others, alone, or in parts of
// both; and while one runs that may measure, no other does.
func TestTestsRunOnce(t *testing.T) {
	out, moments, ok := testRun(t, testModule(t))
	if !ok {
		t.Fatal(out)
	}
	alone := []string{"TestNative", "TestInGuests/9.9", "TestTrial", "TestWatch"}
	beside := []string{"TestNopsInGuest", "TestGuestHooksAgree/6.1", "TestGuestHooksAgree/6.12", "TestGuestHooksAgree/6.12-cloud-arm64",
		"TestInGuests/6.1", "TestInGuests/6.12", "TestDocument", "TestExport"}
	var ended, running []string
	most := 0
	for _, m := range moments {
		what, name, _ := strings.Cut(m, " ")
		if what == "end" {
			ended = append(ended, name)
			running = slices.DeleteFunc(running, func(s string) bool { return s == name })
			continue
		}
		running = append(running, name)
		most = max(most, len(running))
		if len(running) > 1 && slices.ContainsFunc(running, func(s string) bool { return slices.Contains(alone, s) }) {
			t.Errorf("%v ran at a time", running)
		}
	}
	want := append(alone, beside...)
	slices.Sort(want)
	slices.Sort(ended)
	if !slices.Equal(ended, want) {
		t.Errorf("ran %v\nwant %v\n%s", ended, want, out)
	}
	if most < 2 {
		t.Error("no tests ran side by side")
	}
	line := func(pkg string, passed int) string {
		return fmt.Sprintf("ok   %-36s %4d passed   0 skipped ", "example.org/m/"+pkg, passed)
	}
	for _, want := range []string{
		// A test with subtests counts as one more, whatever they are split into.
		line("bench/cmd/tunbench", 6), line("harness/trial", 5), line("harness/watch", 1), line("reports/document/watch", 1), line("reports/export", 1),
		"test: 5 test binaries were built in ", "test: 16 parts ran side by side in ",
		"test: native tests: 5 ran, 0 skipped; guest tests: 9 ran, 0 skipped\n",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in:\n%s", want, out)
		}
	}
}

// A test that fails or, under CI=true, lacks something fails the run, in whichever part it is.
func TestTestsFail(t *testing.T) {
	dir := testModule(t)
	out, _, ok := testRun(t, dir, "FAILS=TestInGuests/6.12")
	if ok || !strings.Contains(out, "FAIL example.org/m/harness/trial ") || !strings.Contains(out, "as it was told") ||
		!strings.Contains(out, "test: failed: example.org/m/harness/trial; see .build/test/") || strings.Count(out, "FAIL example") != 1 {
		t.Errorf("a part that runs beside others fails, and the run %t:\n%s", ok, out)
	}
	out, _, ok = testRun(t, dir, "FAILS=TestNative", "SKIPS=TestExport", "CI=true")
	if ok || !strings.Contains(out, "FAIL example.org/m/bench/cmd/tunbench ") || !strings.Contains(out, "test: could not run here: TestExport: needs this and that") ||
		!strings.Contains(out, "test: skipped, and must run under CI=true: 1") {
		t.Errorf("a test that runs alone fails, another is skipped, and the run %t:\n%s", ok, out)
	}
}

// A test in virtual time keeps one CPU busy, and no load changes its result: scripts/test.sh
// runs it beside others, so that the other CPUs are not idle meanwhile.
func TestVirtualTimeRunsBesideOthers(t *testing.T) {
	script, err := os.ReadFile("../../../scripts/test.sh")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("*_test.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range strings.Split(string(text), "\nfunc ")[1:] {
			name, _, _ := strings.Cut(body, "(")
			if name == t.Name() || !strings.HasPrefix(name, "Test") || !strings.Contains(body, `"--icount", "--`) || !strings.Contains(body, `"vm", `) {
				continue
			}
			found++
			if !strings.Contains(string(script), "^"+name+"$") {
				t.Errorf("%s: %s is not among the tests that run beside others in scripts/test.sh", file, name)
			}
		}
	}
	if found < 4 {
		t.Errorf("found %d tests in virtual time", found)
	}
}
