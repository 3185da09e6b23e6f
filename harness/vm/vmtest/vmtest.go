// Package vmtest runs tests of a package under other kernels.
package vmtest

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"tunbench/harness/vm"
	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/kernel"
)

// selected leaves out what the third part of -run does not match, as in
// -run TestInGuests/6.1/TestVhost: each test is a command in the guest.
func selected(t *testing.T, tests []string) (list []string) {
	parts := strings.Split(flag.Lookup("test.run").Value.String(), "/")
	if len(parts) < 3 {
		return tests
	}
	matches, err := regexp.Compile(parts[2])
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range tests {
		if matches.MatchString(name) {
			list = append(list, name)
		}
	}
	return list
}

// lacking skips a test with what it lacks, or fails it in CI, which must have it.
func lacking(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// Program is a static build of the tests of the package in the current folder, for a guest:
// the program that runs, unless it needs a C library, as go test builds it where it finds a
// C compiler.
func Program(t *testing.T) string {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if vm.CheckStatic(self, runtime.GOARCH) == nil {
		return self
	}
	static := filepath.Join(t.TempDir(), "guest")
	build := exec.Command("go", "test", "-c", "-o", static, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		lacking(t, "needs a static test binary: %v\n%s", err, out)
	}
	return static
}

// InGuests runs tests of the package in the current folder in a guest of each series of
// kernels, all of them at a time, and check, if not nil, on what each printed.
func InGuests(t *testing.T, inGuests map[string][]string, check func(t *testing.T, name, out string)) {
	if testing.Short() {
		t.Skip("boots guests, which -short leaves out; make test does")
	}
	if _, err := vm.FindQEMU(runtime.GOARCH); err != nil {
		lacking(t, "%v; scripts/setup.sh guest installs it", err)
	}
	static := Program(t)
	for series, tests := range inGuests {
		t.Run(series, func(t *testing.T) {
			t.Parallel() // one thread emulates the CPUs of a guest, so each has a CPU of the host
			kernel, remove, err := kernel.Find(series, "")
			if err != nil {
				lacking(t, "needs a kernel: %v", err)
			}
			defer remove()
			ctx, cancel := context.WithTimeout(context.Background(), 9*time.Minute)
			defer cancel()
			tests = selected(t, tests)
			var job guest.Job
			for _, name := range tests {
				job.Commands = append(job.Commands, []string{"-test.v", "-test.short", "-test.run", "^" + name + "$"})
			}
			result, err := vm.Machine{
				Kernel: kernel, Accel: vm.TCG, OneThread: true, Timeout: 8 * time.Minute, Executable: static, Log: func(s string) { t.Log(s) },
			}.Run(ctx, job)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("booted in %v", result.BootTime)
			for i, c := range result.Commands {
				name, out := tests[i], string(c.Stdout)+string(c.Stderr)
				// A subtest for each, so that they are counted.
				t.Run(name, func(t *testing.T) {
					t.Logf("took %v", c.Duration)
					if testing.Verbose() && len(tests) < len(inGuests[series]) {
						t.Log(out)
					}
					if c.Exit != 0 || c.Error != "" || !strings.Contains(out, "--- PASS: "+name) {
						t.Errorf("exit %d %s\n%s", c.Exit, c.Error, out)
					}
					if check != nil {
						check(t, name, out)
					}
				})
			}
		})
	}
}
