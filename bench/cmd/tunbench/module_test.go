package main

import (
	"bytes"
	"context"
	"encoding/json"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tunbench/harness/module"
	"tunbench/reports/flame"
	"tunbench/reports/record"
	"tunbench/reports/verdict"
)

// beside is how long a test in virtual time may take: scripts/test.sh runs it beside others,
// which go first.
const beside = 25 * time.Minute

// labModules is the folder of the TUN modules that scripts/tunlab/build.sh has built, or
// the test is skipped.
func labModules(t *testing.T) string {
	t.Helper()
	needGuest(t, "6.12")
	out, err := exec.Command("../../../scripts/tunlab/build.sh", "--list").Output()
	if err != nil {
		lack := t.Skipf
		if os.Getenv("CI") == "true" {
			lack = t.Fatalf
		}
		lack("needs the TUN modules of the lab: scripts/setup.sh tunlab builds them")
	}
	return strings.TrimSpace(string(out))
}

// Two builds of the TUN module that differ by 300 ns a packet are told apart, in a guest
// and in virtual time, and two builds of the same source are not.
func TestModulesInGuest(t *testing.T) {
	t.Cleanup(module.Forget)
	dir := labModules(t)
	for name, test := range map[string]struct {
		file    string
		changed bool
	}{"300 ns": {"300ns.ko", true}, "nothing": {"same-2.ko", false}} {
		t.Run(name, func(t *testing.T) {
			module.Forget()
			out := filepath.Join(t.TempDir(), "ab")
			ctx, cancel := context.WithTimeout(context.Background(), beside)
			defer cancel()
			release := filepath.Base(dir)
			code, stdout, stderr := tunbench(ctx, fakeLab{}, nil, "vm", "--kernel", release, "--accel", "tcg", "--icount", "--timeout", beside.String(), "--out", out, "--",
				"ab", "--json", "--trials", "8", "--seed", "1", "--set", "gen=lockstep", "--a", "module=old", "--b", "module=new",
				"--module", "old="+filepath.Join(dir, "same-1.ko"), "--module", "new="+filepath.Join(dir, test.file))
			if want := map[bool]int{true: 1, false: 0}[test.changed]; code != want {
				t.Fatalf("exit %d, want %d: %s%s", code, want, stdout, stderr)
			}
			verdicts := map[string]record.Verdict{}
			for line := range bytes.Lines([]byte(stdout)) {
				var v record.Verdict
				if err := json.Unmarshal(line, &v); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
				verdicts[v.Metric] = v
			}
			send := verdicts[record.SendNsPerPkt]
			if send.Base == nil || send.New == nil {
				t.Fatalf("sending: %s", stdout)
			}
			if added := *send.New - *send.Base; test.changed && (send.Verdict != record.Regression || added < 280 || added > 600) {
				t.Errorf("sending takes %.0f ns more: %s", added, stdout)
			}
			for _, v := range verdicts {
				if v.Metric == record.SendNsPerPkt && test.changed {
					continue
				}
				if v.Verdict == record.Regression || v.Verdict == record.Improvement {
					t.Errorf("%+v", v)
				}
			}
			f, err := record.ReadFile(filepath.Join(out, record.FileName))
			if err != nil {
				t.Fatal(err)
			}
			if m := f.Run.Modules["new"]; filepath.Base(m.Path) != test.file || len(m.SHA256) != 64 { // Debian builds modules without a srcversion
				t.Errorf("the header names the module %+v", m)
			}
		})
	}
}

// 16 instructions more in tun_net_xmit are found by profiles: it is the first function of
// the table, and none of the others, some 370, changed.
func TestNopsInGuest(t *testing.T) {
	t.Cleanup(module.Forget)
	dir := labModules(t)
	module.Forget()
	out := filepath.Join(t.TempDir(), "ab")
	ctx, cancel := context.WithTimeout(context.Background(), beside)
	defer cancel()
	code, stdout, stderr := tunbench(ctx, fakeLab{}, nil, "vm", "--kernel", filepath.Base(dir), "--accel", "tcg", "--icount", "--timeout", beside.String(), "--out", out, "--",
		"ab", "--profile", "--trials", "8", "--seed", "1", "--set", "gen=lockstep", "--a", "module=old", "--b", "module=new",
		"--module", "old="+filepath.Join(dir, "same-1.ko"), "--module", "new="+filepath.Join(dir, "nops.ko"))
	if code != 0 { // the cost of a packet rose by less than its threshold
		t.Fatalf("exit %d: %s%s", code, stdout, stderr)
	}
	f, err := record.ReadFile(filepath.Join(out, record.FileName))
	if err != nil {
		t.Fatal(err)
	}
	c, err := verdict.CompareVariants(f, verdict.Options{})
	if err != nil || len(c.Profiles) != 1 || c.Profiles[0].New.Reason != "" {
		t.Fatalf("%v, profiles %+v", err, c)
	}
	d := flame.Compare(c.Profiles[0].Base, c.Profiles[0].New, true)
	first := d.Changes[0]
	if moved := d.Moved(); len(moved) != 1 || first.Name != "tun_net_xmit" || len(d.Changes) < 200 {
		t.Errorf("of %d functions moved: %+v; first is %+v", len(d.Changes), moved, first)
	}
	// The interval of one run in twenty misses 16.
	if reach := (first.High - first.Low) / 2; reach > 8 || math.Abs(first.Mean-16) > 1.5*reach {
		t.Errorf("%+.1f ± %.1f instructions, want 16 ± 8 or less", first.Mean, reach)
	}
	if sum := flame.Total(c.Profiles[0].Base).Mean; sum < 5000 || sum > 8000 {
		t.Errorf("all functions together: %.0f instructions", sum)
	}
	top, err := exec.Command("go", "tool", "pprof", "-top", "-nodecount=1", "-diff_base", filepath.Join(out, "profile-a.pb.gz"), filepath.Join(out, "profile-b.pb.gz")).CombinedOutput()
	if err != nil || !strings.Contains(string(top), "tun_net_xmit") {
		t.Errorf("pprof: %v\n%s", err, top)
	}
}

// What is wrong with --module is said before anything is measured.
func TestModuleWrongUse(t *testing.T) {
	t.Cleanup(module.Forget)
	for args, want := range map[string]string{
		"ab --module new --a module=new":                             "write NAME=FILE.ko",
		"ab --module new=lost.ko --b module=new":                     "read module file: open lost.ko: no such file or directory",
		"ab --b module=new":                                          "module=new: no such module: choose as-is, or give its file: --module new=FILE.ko",
		"run --set module=new":                                       "--module new=FILE.ko",
		"vm --kernel 6.12 -- ab --module new=lost.ko --b module=new": "open module: open lost.ko",
		"ab --module new=main.go --new-binary /bin/true":             "main.go",
	} {
		code, stdout, stderr := tunbench(context.Background(), fakeLab{}, nil, strings.Fields(args)...)
		if code != exitFailure || stdout != "" || !strings.Contains(stderr, want) {
			t.Errorf("%s: exit %d, %q, %q, want %q", args, code, stdout, stderr, want)
		}
	}
}
