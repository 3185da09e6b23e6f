package bpf

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/cilium/ebpf"
)

// needRoot skips a test that loads programs, unless it must not be skipped.
func needRoot(t *testing.T) {
	t.Helper()
	if hasBPF() {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("loading BPF programs needs root, and CI must have it")
	}
	t.Skip("loading BPF programs needs root (CAP_BPF and CAP_PERFMON)")
}

func TestFindSymbol(t *testing.T) {
	const kallsyms = `0000000000000000 t tun_net_xmit.cold	[tun]
0000000000000000 t tun_net_xmit.isra.0	[tun]
0000000000000000 d tun_do_read	[tun]
0000000000000000 t tun_do_read.part.0	[tun]
0000000000000000 T tun_get_user
0000000000000000 t tun_get_user.constprop.0
0000000000000000 t tun_chr_poll.llvm.123456
`
	for _, c := range []struct{ function, want string }{
		{"tun_net_xmit", "tun_net_xmit.isra.0"},
		{"tun_get_user", "tun_get_user"},
		{"tun_chr_poll", "tun_chr_poll.llvm.123456"},
		{"tun_do_read", ""},
		{"tun", ""},
	} {
		got, err := findSymbol(strings.NewReader(kallsyms), c.function)
		if got != c.want || (err != nil) != (c.want == "") {
			t.Errorf("%s: %q, %v, want %q", c.function, got, err, c.want)
		}
		if err != nil && !errors.Is(err, errNoSymbol) {
			t.Errorf("%s: %v is not errNoSymbol", c.function, err)
		}
	}
}

// TestVerifier loads the programs of each hook and direction. A kernel may forbid to
// attach kprobes, but its verifier still reads them.
func TestVerifier(t *testing.T) {
	needRoot(t)
	for _, h := range []Hook{Kprobe, Tracepoint} {
		for _, direction := range []Direction{K2U, U2K, Both, Drops} {
			set := &set{config: config{hook: h, direction: direction, gso: direction == Both, layout: layout{room: 4}}, cpus: 2, programs: Programs(h, direction)}
			spec, err := set.spec()
			if err != nil {
				t.Fatal(err)
			}
			wanted := set.programs
			if len(spec.Programs) != len(wanted) {
				t.Errorf("%s, direction %d: %d programs of %v", h, direction, len(spec.Programs), wanted)
			}
			coll, err := ebpf.NewCollection(spec)
			if err != nil {
				t.Fatalf("%s, direction %d: %+v", h, direction, err)
			}
			coll.Close()
		}
	}
}

// TestLadderExplains checks that each hook either works or says why not, in
// words that name the obstacle.
func TestLadderExplains(t *testing.T) {
	needRoot(t)
	for _, h := range Hooks {
		err := Try(h, Both)
		var hook *HookError
		switch {
		case err == nil:
			t.Logf("%s: holds", h)
		case !errors.As(err, &hook) || hook.Hook != h || hook.Reason == "":
			t.Errorf("%s: %v does not say why", h, err)
		case h == Kprobe && !kprobesCompiledIn() && !strings.Contains(hook.Reason, "CONFIG_KPROBES"):
			t.Errorf("kprobe: %q does not name CONFIG_KPROBES", hook.Reason)
		default:
			t.Logf("%s: %s", h, hook.Reason)
		}
	}
	if _, err := Open(Options{Hook: "uprobe", Target: Target{Queues: 1}}); err == nil {
		t.Error("an unknown hook was opened")
	}
}

func TestObserverFreesEverything(t *testing.T) {
	needRoot(t)
	open := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		if err != nil {
			t.Fatal(err)
		}
		return len(entries)
	}
	Try(Tracepoint, Both) // what is cached for good is cached now
	before := open()
	for range 5 {
		o, err := Open(Options{Hook: Tracepoint, Target: Target{Ifindex: 1, Netns: 1, Queues: 4, Direction: Both}})
		if err != nil {
			t.Fatal(err)
		}
		if bytes := o.MemoryBytes(); bytes == 0 || bytes > 16<<20 {
			t.Fatalf("the observer takes %d bytes in the kernel", bytes)
		}
		if _, err := o.Snapshot(); err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(o.Close(), o.Close()); err != nil {
			t.Fatal(err)
		}
	}
	if after := open(); after != before {
		t.Fatalf("%d descriptors before, %d after", before, after)
	}
}

func TestSteering(t *testing.T) {
	needRoot(t)
	for _, s := range []Steering{SteerHash, SteerCPU, SteerOne} {
		prog, err := LoadSteering(s)
		if err != nil {
			t.Fatal(err)
		}
		prog.Close()
	}
	if _, err := LoadSteering("dice"); err == nil {
		t.Error("an unknown steering was loaded")
	}
}
