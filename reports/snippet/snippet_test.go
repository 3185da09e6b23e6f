package snippet

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// axes of several devices; those that are left out have no effect.
var devices = []map[string]string{
	{"mode": "tun"},
	{"mode": "tun", "vnet": "10", "offload": "uso", "io": "uring", "txqlen": "500", "sndbuf": "max", "qdisc": "noqueue"},
	{"mode": "tun", "queues": "4", "vnet": "24", "offload": "tunnel", "io": "poll", "pi": "on"},
	{"mode": "tap", "queues": "2", "vnet": "12", "offload": "tso", "napi": "frags", "txqlen": "5000", "sndbuf": "100000", "io": "vhost", "qdisc": "fq_codel:limit=1000"},
	{"mode": "tap", "napi": "napi", "vnet": "10", "offload": "csum", "io": "spin"},
	{"mode": "tap", "io": "readv", "txqlen": "1000"},
}

func TestFlags(t *testing.T) {
	d := of(devices[2], "x")
	if want := []string{"IFF_TUN", "IFF_VNET_HDR", "IFF_MULTI_QUEUE"}; !slices.Equal(d.Flags, want) || d.Queues != 4 || len(d.Offloads) != 8 || !d.NonBlock {
		t.Errorf("%+v", d)
	}
	d = of(devices[3], "x")
	if want := []string{"IFF_TAP", "IFF_NO_PI", "IFF_VNET_HDR", "IFF_MULTI_QUEUE", "IFF_NAPI", "IFF_NAPI_FRAGS"}; !slices.Equal(d.Flags, want) || d.TxQLen != 5000 || d.SndBuf != 100000 || len(d.Offloads) != 4 {
		t.Errorf("%+v", d)
	}
	if d = of(devices[1], "x"); d.TxQLen != 0 || d.SndBuf != 0 || len(d.Offloads) != 6 {
		t.Errorf("%+v", d)
	}
}

// The values of the offloads are those of the kernel's headers.
func TestOffloads(t *testing.T) {
	all := 0
	for _, o := range of(devices[2], "x").Offloads {
		all |= o.Value
	}
	want := unix.TUN_F_CSUM | unix.TUN_F_TSO4 | unix.TUN_F_TSO6 | unix.TUN_F_TSO_ECN | unix.TUN_F_USO4 | unix.TUN_F_USO6 | 0x80 | 0x100
	if all != want {
		t.Errorf("%#x, want %#x", all, want)
	}
}

// TestQdisc holds that the programs name the discipline that was measured with its parameters,
// as tc takes them: the lines are tried where the test may make a namespace and there is a tc.
func TestQdisc(t *testing.T) {
	tcPath, noTC := exec.LookPath("tc")
	_, noUnshare := exec.LookPath("unshare")
	_, noIP := exec.LookPath("ip")
	runs := errors.Join(noTC, noUnshare, noIP) == nil && os.Geteuid() == 0
	for given, want := range map[string]string{
		"":                                 "",
		"noqueue":                          "",
		"pfifo_fast":                       "pfifo_fast",
		"pfifo:limit=100":                  "pfifo limit 100",
		"bfifo:limit=5000":                 "bfifo limit 5000",
		"codel:ecn=on:ce_threshold=1500us": "codel ecn ce_threshold 1500us",
		"fq_codel:limit=1000:target=5ms:interval=2s:ecn=off:memory_limit=2147483648": "fq_codel limit 1000 target 5ms interval 2s noecn memory_limit 2147483648",
		"fq:limit=10:flow_limit=5:quantum=300:initial_quantum=400:pacing=off":        "fq limit 10 flow_limit 5 quantum 300 initial_quantum 400 nopacing",
	} {
		line := "tc qdisc replace dev tap0 root " + want
		for name, write := range map[string]func(map[string]string, string) (string, error){GoName: Go, CName: C} {
			program, err := write(map[string]string{"mode": "tap", "qdisc": given}, "x")
			if err != nil {
				t.Fatal(err)
			}
			if want == "" && strings.Contains(program, "tc qdisc") || want != "" && !strings.Contains(program, ": "+line+"\n") && !strings.Contains(program, ": "+line+" */\n") {
				t.Errorf("qdisc=%s: %s has no line %q:\n%s", given, name, line, program)
			}
		}
		if want == "" || !runs {
			continue
		}
		out, err := exec.Command("unshare", "-n", "sh", "-c", "ip tuntap add dev tap0 mode tap && "+tcPath+strings.TrimPrefix(line, "tc")).CombinedOutput()
		if err != nil && !strings.Contains(string(out), "Specified qdisc kind is unknown") { // which the kernel says, of what tc has understood
			t.Errorf("%s: %v: %s", line, err, out)
		}
	}
}

// TestCompiles checks the programs with the compilers, and runs them in a network namespace
// of their own, where the test may make one.
func TestCompiles(t *testing.T) {
	dir, err := os.MkdirTemp(".", "_devices-") // inside of the module, for its dependencies
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	_, noUnshare := exec.LookPath("unshare")
	runs := os.Geteuid() == 0 && noUnshare == nil
	run := func(i int, program string) {
		t.Helper()
		if !runs || slices.Contains([]string{"uso", "tunnel"}, devices[i]["offload"]) {
			return // older kernels do not have these
		}
		if out, err := exec.Command("unshare", "-n", program).CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", program, err, out)
		}
	}
	gcc, noGCC := exec.LookPath("gcc")
	for i, axes := range devices {
		goText, err := Go(axes, fmt.Sprint(axes))
		if err != nil {
			t.Fatal(err)
		}
		cText, err := C(axes, fmt.Sprint(axes))
		if err != nil {
			t.Fatal(err)
		}
		program := filepath.Join(dir, fmt.Sprint("device", i))
		for ext, text := range map[string]string{".go": goText, ".c": cText} {
			if err := os.WriteFile(program+ext, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if out, err := exec.Command("go", "vet", "./"+program+".go").CombinedOutput(); err != nil {
			t.Errorf("go vet: %v: %s\n%s", err, out, goText)
			continue
		}
		if out, err := exec.Command("go", "build", "-o", program, "./"+program+".go").CombinedOutput(); err != nil {
			t.Errorf("go build: %v: %s\n%s", err, out, goText)
			continue
		}
		run(i, "./"+program)
		if noGCC != nil {
			continue
		}
		if out, err := exec.Command(gcc, "-Wall", "-Wextra", "-Werror", "-o", program+".c-program", program+".c").CombinedOutput(); err != nil {
			t.Errorf("gcc: %v: %s\n%s", err, out, cText)
			continue
		}
		run(i, "./"+program+".c-program")
	}
	if noGCC != nil {
		t.Skip("needs gcc for the C programs; the Go programs are checked")
	}
}
