package trial

import (
	"context"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tunbench/harness/vm"
	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/kernel"
)

// inEach are run in all guests.
var inEach = []string{
	"TestObserverSeesEveryWrite", "TestRingAccounts", "TestRingWrites", "TestRingTurnedOff", "TestSuperPackets", "TestWritesWithEveryHook",
	"TestHooksAreProven", "TestSelectHook", "TestHooksThatNeverRun", "TestSleepersAreCounted", "TestHooksCountTheSame", "TestToggledObserver", "TestObserversTakeTurns", "TestStaleStamps", "TestUnmetDevice",
	"TestVhost", "TestVhostWorker", "TestVhostReceivesTheBytes", "TestVhostTransmitsTheBytes", "TestVhostFaults",
	"TestLockedDown", // for good, and so the last
}

// inGuests are the tests that are run in guests, too: of kernels that have what
// the host's may lack (kprobes, fentry), or lack what it has.
var inGuests = map[string][]string{
	"6.1":  inEach,
	"6.12": append([]string{"TestXDPSeesEveryFrame", "TestEvents", "TestSteeringSpreads", "TestWrittenLinkGoesDown", "TestFlowsFollowTheirAnswers", "TestWireguard", "TestVPNWithoutLoss", "TestQuota", "TestBridgeCrossesNetfilter", "TestReadBack"}, inEach...),
}

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

// TestInGuests runs tests of this package under other kernels.
func TestInGuests(t *testing.T) {
	if testing.Short() {
		t.Skip("boots guests, which -short leaves out; make test does")
	}
	lack := t.Skipf
	if os.Getenv("CI") == "true" {
		lack = t.Fatalf
	}
	if _, err := exec.LookPath("qemu-system-x86_64"); err != nil {
		lack("needs QEMU: %v; scripts/setup.sh guest installs it", err)
	}
	// Always built: the one that runs may need a C library.
	static := filepath.Join(t.TempDir(), "guest")
	build := exec.Command("go", "test", "-c", "-o", static, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		lack("needs a static test binary: %v\n%s", err, out)
	}
	for series, tests := range inGuests {
		t.Run(series, func(t *testing.T) {
			kernel, remove, err := kernel.Find(series)
			if err != nil {
				lack("needs a kernel: %v", err)
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
					if name != "TestObserverSeesEveryWrite" {
						return
					}
					for _, hook := range []string{"kprobe", "fentry", "tracepoint"} {
						if !strings.Contains(out, "/"+hook+"/tap_frags") {
							t.Errorf("%s was not tested:\n%s", hook, out)
						}
					}
				})
			}
		})
	}
}
