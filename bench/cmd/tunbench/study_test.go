package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"tunbench/reports/render"
)

// studied is a cache of kernels, each with the cost of a packet, and the script that follows
// them. What it would boot is counted.
type studied struct {
	*testing.T
	dir, out string
	env      []string
}

// newStudy makes a host whose apt knows these releases, and whose cache has them all.
func newStudy(t *testing.T, costs map[string]string) studied {
	t.Helper()
	dir := t.TempDir()
	s := studied{t, dir, filepath.Join(dir, "out"), nil}
	bin := filepath.Join(dir, "bin")
	known := "#!/bin/sh\ncat <<'END'\n"
	for release, cost := range costs {
		s.write("cache/tunbench/kernels/"+release+"/cost", cost)
		s.write("cache/tunbench/kernels/"+release+"/vmlinuz", "")
		known += "linux-image-" + release + "\n"
	}
	s.write("bin/apt-cache", known+"END\n")
	// The host has Debian 12, so there are no other lists to look in.
	s.write("bin/apt-get", "#!/bin/sh\ncase $* in *CODENAME*) printf 'bookworm\\nbookworm-security\\n' ;; *) exit 1 ;; esac\n")
	s.write("bin/dpkg-deb", "#!/bin/sh\nexit 1\n")
	s.write("bin/dpkg", "#!/bin/sh\necho amd64\n")
	// Counts the boots of kernels.
	s.write("bin/tunbench", "#!/bin/sh\ncase \" $* \" in *' --from '*) ;; *) echo \"$*\" >>"+filepath.Join(dir, "boots")+" ;; esac\nexec "+os.Args[0]+" \"$@\"\n")
	s.env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"), "XDG_CACHE_HOME="+filepath.Join(dir, "cache"), standInEnv+"=bisect", "TUNBENCH="+filepath.Join(bin, "tunbench"))
	return s
}

func (s studied) write(name, text string) {
	s.Helper()
	path := filepath.Join(s.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o777)); err != nil {
		s.Fatal(err)
	}
}

// run runs the script, with its output in s.out.
func (s studied) run(args ...string) (code int, output string) {
	s.Helper()
	script, err := filepath.Abs("../../../scripts/study.sh")
	if err != nil {
		s.Fatal(err)
	}
	cmd := exec.Command(script, append([]string{"--out", s.out}, args...)...)
	cmd.Dir, cmd.Env = s.dir, s.env
	text, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		s.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), string(text)
}

// boots are the command lines that booted kernels since the last call.
func (s studied) boots() (list []string) {
	s.Helper()
	path := filepath.Join(s.dir, "boots")
	text, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := errors.Join(err, os.Remove(path)); err != nil {
		s.Fatal(err)
	}
	return strings.Split(strings.TrimSpace(string(text)), "\n")
}

// left are the names in the folder of the runs that no kernel has.
func (s studied) left() (list []string) {
	s.Helper()
	entries, err := os.ReadDir(s.out)
	if err != nil {
		s.Fatal(err)
	}
	for _, e := range entries {
		if !strings.HasPrefix(e.Name(), "6.") {
			list = append(list, e.Name())
		}
	}
	return list
}

var threeKernels = map[string]string{"6.1.0-55-cloud-amd64": "1000", "6.1.0-56-cloud-amd64": "1000", "6.1.0-57-cloud-amd64": "1050"}

// A study measures each kernel once, and profiles both sides of a step once: called again
// it boots nothing, and with another kernel only that.
func TestStudyResumes(t *testing.T) {
	t.Parallel()
	s := newStudy(t, threeKernels)
	code, text := s.run("6.1.0-55", "6.1.0-57")
	if code != 0 || !strings.Contains(text, "study: 2 kernels, of which 0 are measured already\nstudy: kernel 1 of 2: 6.1.0-55-cloud-amd64\n") || !strings.Contains(text, "study: kernel 2 of 2: 6.1.0-57-cloud-amd64, about ") {
		t.Fatalf("exit %d\n%s", code, text)
	}
	if got := s.boots(); len(got) != 3 || !strings.Contains(got[2], "--boots 1 --profile --filter") {
		t.Errorf("booted %q", got)
	}
	report := readText(t, s.out, render.ReportName)
	if !strings.Contains(report, "| 6.1.0-55 | 6.1.0-57 |") && !regexp.MustCompile(`\| 6\.1\.0-55 +\| 6\.1\.0-57 +\|`).MatchString(report) {
		t.Errorf("the report:\n%s", report)
	}
	if code, text := s.run("6.1.0-55", "6.1.0-57"); code != 0 || !strings.Contains(text, "of which 2 are measured already") || len(s.boots()) != 0 || readText(t, s.out, render.ReportName) != report {
		t.Errorf("again: exit %d\n%s", code, text)
	}
	// The step is now between other neighbours.
	if code, text := s.run("6.1.0-55", "6.1.0-57", "6.1.0-56"); code != 0 {
		t.Errorf("with another kernel: exit %d\n%s", code, text)
	}
	if got := s.boots(); len(got) != 2 || !strings.Contains(got[0], "6.1.0-56-cloud-amd64 --boots 2") || !strings.Contains(got[1], "6.1.0-56-cloud-amd64 --kernel ") {
		t.Errorf("booted %q", got)
	}
	if got := s.left(); len(got) != 6 { // .lock, .log, available.txt, report.md, steps, versions.svg
		t.Errorf("left behind: %q", got)
	}
}

// What was cut short is measured again, and what was not is left as it is.
func TestStudyRepairs(t *testing.T) {
	t.Parallel()
	s := newStudy(t, threeKernels)
	if code, text := s.run("6.1.0-55", "6.1.0-56"); code != 0 {
		t.Fatalf("exit %d\n%s", code, text)
	}
	s.boots()
	cut := filepath.Join(s.out, "6.1.0-56-cloud-amd64", "boot-2", "bare", "run.jsonl")
	text, err := os.ReadFile(cut)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(strings.TrimSpace(string(text)), "\n")
	if err := os.WriteFile(cut, []byte(strings.Join(lines[:len(lines)-1], "")), 0o666); err != nil {
		t.Fatal(err)
	}
	s.write("out/.new/6.1.0-56-cloud-amd64/boot-1/console.log", "killed here")
	if code, text := s.run("6.1.0-55", "6.1.0-56"); code != 0 || !strings.Contains(text, "of which 1 are measured already") {
		t.Errorf("exit %d\n%s", code, text)
	}
	if got := s.boots(); len(got) != 1 || !strings.Contains(got[0], "6.1.0-56-cloud-amd64") {
		t.Errorf("booted %q", got)
	}
	if again := readText(t, cut); again != string(text) {
		t.Errorf("the run file is still cut:\n%s", again)
	}
}

// A kernel that cannot be measured does not keep the others from the report.
func TestStudyFailures(t *testing.T) {
	t.Parallel()
	s := newStudy(t, map[string]string{"6.1.0-55-cloud-amd64": "1000", "6.1.0-56-cloud-amd64": "panic", "6.1.0-57-cloud-amd64": "1000"})
	code, text := s.run("6.1.0-55", "6.1.0-56", "6.1.0-57")
	if code != 2 || !strings.Contains(text, "6.1.0-56-cloud-amd64 was not measured") || !strings.HasSuffix(text, "study: not measured: 6.1.0-56-cloud-amd64\n") {
		t.Errorf("exit %d\n%s", code, text)
	}
	if report := readText(t, s.out, render.ReportName); !strings.Contains(report, "no step") || !strings.Contains(report, "Known but not measured here: 6.1.0-56-cloud-amd64.") {
		t.Errorf("the report:\n%s", report)
	}
	if _, err := os.Stat(filepath.Join(s.out, "6.1.0-56-cloud-amd64")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("something is left of the kernel that failed: %v", err)
	}
	// Only that kernel is tried again.
	s.boots()
	if code, _ := s.run("6.1.0-55", "6.1.0-56", "6.1.0-57"); code != 2 || len(s.boots()) != 1 {
		t.Errorf("again: exit %d", code)
	}
}

func TestStudyList(t *testing.T) {
	t.Parallel()
	costs := map[string]string{}
	for _, r := range []string{
		"6.1.0-46-cloud-amd64", "6.1.0-47-cloud-amd64", "6.1.0-48-cloud-amd64", "6.1.0-57-cloud-amd64", "6.1.0-57-rt-amd64", "6.1.0-57-amd64",
		"6.12.99+deb12-cloud-amd64", "6.12.100+deb12-cloud-amd64", "6.12.107+deb12-cloud-amd64", "6.12.117+deb12-cloud-amd64", "6.12.117+deb12-rt-amd64", "6.12.107+deb12-rt-amd64",
	} {
		costs[r] = "1"
	}
	s := newStudy(t, costs)
	code, text := s.run("--list")
	want := "6.12.100+deb12-cloud-amd64 6.12.117+deb12-cloud-amd64 6.1.0-47-cloud-amd64 6.1.0-57-cloud-amd64 6.12.117+deb12-rt-amd64 6.1.0-57-rt-amd64 6.1.0-57-amd64 6.12.107+deb12-cloud-amd64 6.1.0-48-cloud-amd64"
	if got := strings.Join(strings.Fields(text), " "); code != 0 || got != want {
		t.Errorf("exit %d\n got %s\nwant %s", code, got, want)
	}
	if code, text := s.run("--list", "6.12", "6.1.0-57", "6.12-rt"); code != 0 || text != "6.12.117+deb12-cloud-amd64\n6.1.0-57-cloud-amd64\n6.12.117+deb12-rt-amd64\n" {
		t.Errorf("exit %d\n%s", code, text)
	}
}

func TestStudyWrongUse(t *testing.T) {
	t.Parallel()
	s := newStudy(t, threeKernels)
	for want, args := range map[string][]string{
		"--boots 1: choose 2 to 9":               {"--boots", "1"},
		"--report needs a value":                 {"--report"},
		"all is no kernel such as":               {"all"},
		"has a kernel 9.9; if apt's lists are":   {"9.9"},
		"--frm is no kernel":                     {"--frm"},
		"apt knows no cloud kernel 6.1 or 6.12;": {},
	} {
		if code, text := s.run(args...); code != 2 || !strings.Contains(text, want) || len(s.boots()) > 0 {
			t.Errorf("%v: exit %d, want %q\n%s", args, code, want, text)
		}
	}
	s.env = append(s.env, "TUNBENCH=/nowhere/tunbench")
	if code, text := s.run("6.1"); code != 2 || !strings.Contains(text, "/nowhere/tunbench cannot be run: build it with make build") {
		t.Errorf("no tunbench: exit %d\n%s", code, text)
	}
}
