package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// The last lines of `make test` count what ran, natively and in guests, and name
// what could not run; in CI, what should have run and did not is a failure.
func TestTestSummary(t *testing.T) {
	const (
		passed = "=== RUN   TestA\n--- PASS: TestA (0.00s)\n=== RUN   TestB\n=== RUN   TestB/x\n    --- PASS: TestB/x (0.00s)\n--- PASS: TestB (0.00s)\n"
		guests = "=== RUN   TestInGuests\n=== RUN   TestInGuests/6.1\n=== RUN   TestInGuests/6.1/TestVhost\n=== NAME  TestInGuests/6.1\n    guest_test.go:70: booted in 3s\n" +
			"        --- PASS: TestInGuests/6.1/TestVhost (0.00s)\n    --- PASS: TestInGuests/6.1 (9.00s)\n--- PASS: TestInGuests (9.00s)\n"
		noQEMU = "=== RUN   TestGuestVM\n    guest_test.go:35: needs QEMU: not found; scripts/setup.sh guest installs it\n--- SKIP: TestGuestVM (0.00s)\n"
		// The verdicts of subtests come when the last of them has ended.
		subtests = "=== RUN   TestW\n=== RUN   TestW/uso\n    u2k_test.go:1: this kernel cannot: set offloads of tun0\n=== RUN   TestW/vhost\n    vhost_test.go:9: needs vhost-net, as TestInGuests has it: no such file\n" +
			"=== RUN   TestW/root\n    x_test.go:2: needs root\n    --- SKIP: TestW/uso (0.00s)\n    --- SKIP: TestW/vhost (0.00s)\n    --- SKIP: TestW/root (0.00s)\n--- PASS: TestW (0.00s)\n"
		excused = "=== RUN   TestC\n    c_test.go:1: would turn io_uring off for the whole host; runs in guests\n--- SKIP: TestC (0.00s)\n"
		request = "=== RUN   TestLong\n    l_test.go:1: it takes minutes: go test ./reports -run TestLong -v\n--- SKIP: TestLong (0.00s)\n"
		silent  = "=== RUN   TestS\n--- SKIP: TestS (0.00s)\n"
	)
	for _, test := range []struct {
		name  string
		logs  []string
		whole bool
		ci    bool
		exit  int
		want  []string // lines, the last one last
	}{
		{"all ran", []string{passed, guests}, true, true, 0, []string{"test: native tests: 3 ran, 0 skipped; guest tests: 3 ran, 0 skipped"}},
		{"no QEMU", []string{passed, noQEMU}, true, false, 0, []string{
			"test: could not run here: TestGuestVM: needs QEMU: not found; scripts/setup.sh guest installs it",
			"test: native tests: 3 ran, 0 skipped; guest tests: 0 ran, 1 skipped"}},
		{"no QEMU in CI", []string{passed, noQEMU + guests}, true, true, 1, []string{
			"test: native tests: 3 ran, 0 skipped; guest tests: 3 ran, 1 skipped",
			"test: skipped, and must run under CI=true: 1"}},
		{"no guest test in CI", []string{passed}, true, true, 1, []string{"test: under CI=true native tests and guest tests must run"}},
		{"one package in CI", []string{passed}, false, true, 0, []string{"test: native tests: 3 ran, 0 skipped; guest tests: 0 ran, 0 skipped"}},
		{"nothing ran in CI", []string{""}, true, true, 1, []string{"test: under CI=true native tests and guest tests must run"}},
		{"reasons of subtests", []string{subtests}, false, false, 0, []string{
			"test: could not run: TestW/uso: this kernel cannot: set offloads of tun0",
			"test: could not run: TestW/vhost: needs vhost-net, as TestInGuests has it: no such file",
			"test: could not run here: TestW/root: needs root",
			"test: native tests: 1 ran, 3 skipped; guest tests: 0 ran, 0 skipped"}},
		{"reasons of subtests in CI", []string{subtests}, false, true, 1, []string{"test: skipped, and must run under CI=true: 1"}},
		{"excused in CI", []string{excused + passed, guests}, true, true, 0, []string{"test: native tests: 3 ran, 1 skipped; guest tests: 3 ran, 0 skipped"}},
		{"on request in CI", []string{request + passed, guests}, true, true, 0, []string{"test: could not run: TestLong: it takes minutes: go test ./reports -run TestLong -v"}},
		{"no reason in CI", []string{silent}, false, true, 1, []string{"test: could not run here: TestS: no reason is given", "test: skipped, and must run under CI=true: 1"}},
		{"many", []string{noQEMU, noQEMU, noQEMU, noQEMU, noQEMU, noQEMU}, false, false, 0, []string{
			"test: could not run here: TestGuestVM, TestGuestVM, TestGuestVM, TestGuestVM and 2 more: needs QEMU: not found; scripts/setup.sh guest installs it"}},
		{"several runs of a test in a log", []string{passed + guests + guests + noQEMU + noQEMU}, false, true, 1, []string{
			"test: native tests: 3 ran, 0 skipped; guest tests: 3 ran, 1 skipped", "test: skipped, and must run under CI=true: 1"}},
		{"no log", nil, true, false, 2, []string{"test-summary: no log is given"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := []string{"../../../scripts/test-summary.sh"}
			if test.whole {
				args = append(args, "--whole")
			}
			args = append(args, "--")
			dir := t.TempDir()
			for i, text := range test.logs {
				log := filepath.Join(dir, string(rune('a'+i)))
				if err := os.WriteFile(log, []byte(text), 0o666); err != nil {
					t.Fatal(err)
				}
				args = append(args, log)
			}
			cmd := exec.Command("bash", args...)
			cmd.Env = append(os.Environ(), "CI="+map[bool]string{true: "true"}[test.ci])
			out, err := cmd.CombinedOutput()
			var exit *exec.ExitError
			if err != nil && !errors.As(err, &exit) || cmd.ProcessState.ExitCode() != test.exit {
				t.Errorf("%v, want exit code %d", err, test.exit)
			}
			rest := string(out)
			for _, line := range test.want {
				_, after, found := strings.Cut(rest, line+"\n")
				if !found {
					t.Fatalf("no line %q, in its place, in:\n%s", line, out)
				}
				rest = after
			}
		})
	}
}
