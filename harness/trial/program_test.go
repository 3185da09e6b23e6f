package trial

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"tunbench/bpf"
	"tunbench/harness/load"
	"tunbench/harness/path"
	"tunbench/harness/program"
	"tunbench/harness/refusal"
	"tunbench/harness/sink"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

// forwarder builds scripts/forwarder once.
var forwarder = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "tunbench-forwarder-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	file := filepath.Join(dir, "forwarder")
	cmd := exec.Command("go", "build", "-o", file, "tunbench/scripts/forwarder")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%w: %s", err, out)
	}
	return os.ReadFile(file)
})

const forwards = `%s -device {{.Device}} -local {{.Underlay}}:{{.Port}} -peer {{.PeerUnderlay}}:{{.PeerPort}} `

// programmed is a trial of a program that is a shell script on each host, and of which
// FORWARD stands for the forwarder and its arguments.
func programmed(t *testing.T, script [2]string, change func(*program.File)) spec.Spec {
	t.Helper()
	needRoot(t)
	binary, err := forwarder()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "forwarder")
	if err := os.WriteFile(file, binary, 0o700); err != nil {
		t.Fatal(err)
	}
	name := strings.ToLower(strings.NewReplacer("/", ".", " ", "-", "_", "-").Replace(t.Name()))
	name = name[max(0, len(name)-30):]
	name = strings.Trim(name, "-.")
	t.Setenv("TMPDIR", t.TempDir())
	f := &program.File{Name: name, Path: filepath.Join(t.TempDir(), "x.yaml"), Overhead: 120}
	for _, s := range script {
		s = strings.ReplaceAll(s, "FORWARD", fmt.Sprintf(forwards, file))
		f.Ends = append(f.Ends, program.End{
			Command: []string{"sh", "-c", s}, Device: program.Device{Kind: program.TUN, Name: "fwd{{.DeviceNumber}}"},
			Ready: program.Ready{When: []string{program.WhenPing}, Within: 5 * time.Second},
			Stop:  program.Stop{Signal: "TERM", Within: time.Second},
		})
	}
	if change != nil {
		change(f)
	}
	if err := program.Add(f); err != nil {
		t.Fatal(err)
	}
	s := short()
	s.Path, s.Program = spec.PathProgram, f.Name
	return s
}

func both(script string) [2]string { return [2]string{script, script} }

func TestProgram(t *testing.T) {
	for name, set := range map[string]func(*spec.Spec){
		"udp":     func(s *spec.Spec) {},
		"udp-gso": func(s *spec.Spec) { s.Gen, s.Size = spec.GenUDPGSO, 1400 },
		"both":    func(s *spec.Spec) { s.Dir = spec.Both },
		"paced":   func(s *spec.Spec) { s.Rate = 2000 },
		"ipv6":    func(s *spec.Spec) { s.Family, s.Size = 6, 200 },
		"imix":    func(s *spec.Spec) { s.Size = spec.SizeIMIX },
		"tcp":     func(s *spec.Spec) { s.Gen, s.Size, s.Flows = spec.GenTCP, 1500, 4 },
		"tcp-rr":  func(s *spec.Spec) { s.Gen = spec.GenTCPRR },
		"udp-rr":  func(s *spec.Spec) { s.Gen = spec.GenUDPRR },
		"qdisc":   func(s *spec.Spec) { s.Qdisc, s.TxQLen = "pfifo_fast", 64 },
	} {
		t.Run(name, func(t *testing.T) {
			s := programmed(t, both("exec FORWARD"), nil)
			set(&s)
			for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
				trial := run(t, s, hook)
				if trial.Accounting.Unexplained != 0 || len(trial.Programs) != 2 {
					t.Errorf("%+v %+v %v", trial.Accounting, trial.Programs, trial.Notes)
				}
				for _, flag := range trial.Flags {
					if flag == record.FlagUnexplained {
						t.Errorf("%v", trial.Notes)
					}
				}
				if trial.Accounting.Delivered == 0 || trial.Programs[0].CPUNs == 0 || trial.Metrics[record.PeakBytes] < 1e6 {
					t.Errorf("%v %+v", trial.Metrics, trial.Programs)
				}
			}
		})
	}
}

// TestQdiscOfAProgram: what the qdisc before the device of a program drops is its own, and no
// loss without a reason, with an observer and without.
func TestQdiscOfAProgram(t *testing.T) {
	for name, set := range map[string]func(*spec.Spec){
		"long packets": func(s *spec.Spec) {},
		"both":         func(s *spec.Spec) { s.Dir, s.Flows = spec.Both, 2 },
		"GSO packets":  func(s *spec.Spec) { s.Gen, s.Size, s.Qdisc = spec.GenUDPGSO, 1400, "pfifo:limit=1" },
		"few packets":  func(s *spec.Spec) { s.Size, s.Flows, s.Senders, s.Qdisc = 64, 8, 2, "pfifo:limit=4" },
		"datagrams asked for": func(s *spec.Spec) {
			s.Gen, s.Size, s.Flows, s.Qdisc = spec.GenUDPRR, 1000, 1, "bfifo:limit=100000"
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := programmed(t, both("exec FORWARD"), nil)
			s.Size, s.Qdisc, s.TxQLen = spec.SizeIMIX, "bfifo:limit=800", 5000
			set(&s)
			for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
				trial := run(t, s, hook)
				a := trial.Accounting
				n := a.Dropped[record.QdiscDrop]
				if sure := s.Size == spec.SizeIMIX; sure && n == 0 || s.Gen == spec.GenUDPRR && n > 0 {
					t.Errorf("hook=%s: the qdisc dropped %d: %v", hook, n, a.Dropped)
				}
				t.Logf("hook=%s: the qdisc dropped %d of %d", hook, n, a.Accepted)
				if a.Unexplained != 0 || slices.Contains(trial.Flags, record.FlagUnexplained) {
					t.Errorf("hook=%s: %+v, %v", hook, a, trial.Notes)
				}
				if trial.Hops[0].Dropped[record.QdiscDrop] == 0 != (n == 0) {
					t.Errorf("hook=%s: hop %+v", hook, trial.Hops[0])
				}
			}
		})
	}
}

func TestProgramIPerf3(t *testing.T) {
	if _, err := exec.LookPath("iperf3"); err != nil {
		t.Skip("iperf3 is not installed")
	}
	s := programmed(t, both("exec FORWARD"), nil)
	s.Gen, s.Size, s.Measure, s.Warmup = spec.GenIPerf3, 1400, time.Second, time.Second
	trial := run(t, s, bpf.None)
	if trial.Metrics[record.GoodputBitPerS] < 1e6 || trial.Accounting.Unexplained != 0 {
		t.Errorf("%v %+v", trial.Metrics, trial.Accounting)
	}
}

// The rate is far below what the forwarder can do.
func TestProgramThatDrops(t *testing.T) {
	s := programmed(t, [2]string{"exec FORWARD -drop 100", "exec FORWARD"}, nil)
	s.Rate, s.Measure = 20_000, time.Second
	trial := run(t, s, bpf.None)
	a := trial.Accounting
	n := a.Dropped[s.Program]
	// Of those that it was given: a busy host loses others in the ring of the device, and in the
	// socket behind the program.
	if share := float64(n) / float64(n+a.Delivered+a.Dropped[sink.SocketDrops]); share < 0.0095 || share > 0.0105 || a.Unexplained != 0 {
		t.Errorf("dropped %v of those that came, accounting %+v", share, a)
	}
	if loss := trial.Metrics[record.Loss]; a.DroppedTotal() == n && (loss < 0.0095 || loss > 0.0105) {
		t.Errorf("loss %v, accounting %+v", loss, a)
	}
}

// TestProgramThatSpoils: the stack behind a program throws away what has a wrong checksum, which is
// the program's loss.
func TestProgramThatSpoils(t *testing.T) {
	s := programmed(t, [2]string{"exec FORWARD -spoil 100", "exec FORWARD"}, nil)
	s.Rate, s.Measure, s.Size = 20_000, time.Second, 200
	for _, family := range []int{4, 6} {
		for _, hook := range []bpf.Hook{bpf.None, bpf.Tracepoint} {
			s.Family = family
			trial := run(t, s, hook)
			a := trial.Accounting
			// On a busy host the socket is full at times, and its stack looks at no checksum then.
			n, full := a.Dropped[s.Program+" UDP_CSUM"], a.Dropped[sink.SocketDrops]
			if share := float64(n) / float64(n+a.Delivered); share < 0.0095 || share > 0.0105 || a.Unexplained != 0 {
				t.Errorf("IPv%d, %s: thrown away %v of those that came, accounting %+v\n%v", family, hook, share, a, trial.Notes)
			}
			if last := trial.Hops[len(trial.Hops)-1]; last.Dropped[s.Program+" UDP_CSUM"] != n || last.Dropped[sink.SocketDrops] != full || last.In != last.Out+n+full {
				t.Errorf("IPv%d, %s: hop %+v", family, hook, last)
			}
			if slices.Contains(trial.Flags, record.FlagCorrupt) {
				t.Errorf("IPv%d, %s: flags %v", family, hook, trial.Flags)
			}
		}
	}
}

// A request or an answer that is thrown away is asked again.
func TestProgramThatSpoilsAnswers(t *testing.T) {
	s := programmed(t, [2]string{"exec FORWARD -spoil 100", "exec FORWARD"}, nil)
	s.Gen = spec.GenUDPRR
	trial := run(t, s, bpf.None)
	if a := trial.Accounting; a.Dropped[s.Program+" UDP_CSUM"] == 0 || a.Unexplained != 0 {
		t.Errorf("accounting %+v\n%v", a, trial.Notes)
	}
}

func TestProgramPeak(t *testing.T) {
	s := programmed(t, [2]string{"exec FORWARD -touch 200", "exec FORWARD"}, nil)
	s.Rate = 1000
	trial := run(t, s, bpf.None)
	if peak := trial.Metrics[record.PeakBytes] / (1 << 20); peak < 190 || peak > 210 {
		t.Errorf("%v MiB, programs %+v", peak, trial.Programs)
	}
}

// A program that does nothing costs nothing, and one that does costs what it uses.
func TestProgramCost(t *testing.T) {
	idle := programmed(t, both("exec FORWARD"), nil)
	idle.Rate, idle.Measure = 1000, time.Second
	first := run(t, idle, bpf.None)
	busy := idle
	t.Run("busy", func(t *testing.T) {
		busy.Program = programmed(t, [2]string{"FORWARD & while :; do :; done", "exec FORWARD"}, nil).Program
		second := run(t, busy, bpf.None)
		a, b := first.Metrics[record.CPUNsPerPkt], second.Metrics[record.CPUNsPerPkt]
		if b < 1.3*a {
			t.Errorf("%v ns and, with a busy loop, %v ns a packet", a, b)
		}
	})
}

func TestProgramFaults(t *testing.T) {
	for name, c := range map[string]struct {
		script [2]string
		change func(*program.File)
		want   []string
	}{
		"exits":          {[2]string{"exec FORWARD", "echo bad key >&2; exit 3"}, nil, []string{"on host b ended with exit status 3; its last lines: bad key"}},
		"dies":           {[2]string{"exec FORWARD -die 1s", "exec FORWARD"}, nil, []string{"on host a ended with exit status 1; its last lines: ", "told to die after 1s"}},
		"dies, b":        {[2]string{"exec FORWARD", "exec FORWARD -die 1s"}, nil, []string{"on host b ended with exit status 1", "told to die after 1s"}},
		"never ready":    {both("echo waiting for a peer; sleep 60"), func(f *program.File) { short0(f) }, []string{"on host a was not ready within 300ms: there is no device fwd0 yet", "its last lines: waiting for a peer"}},
		"does not carry": {[2]string{"exec FORWARD", "exec FORWARD -drop 1"}, func(f *program.File) { short0(f) }, []string{"was not ready within 300ms: no packet has crossed the tunnel"}},
		"other device":   {both("exec FORWARD -device other0"), func(f *program.File) { short0(f) }, []string{"it made the device other0, and its file says fwd0: set device.name"}},
		"other kind":     {both("exec FORWARD"), func(f *program.File) { f.Ends[0].Device.Kind, f.Ends[1].Device.Kind = program.TAP, program.TAP }, []string{`made fwd0 a device of kind "tun", and its file says "tap": set device.kind`}},
		"forks away":     {both("FORWARD & echo in the background"), nil, []string{"ended with exit status 0 and left other processes behind", "stay in the foreground; its last lines: in the background"}},
		"floods":         {both("FORWARD & exec yes a flood of words"), nil, []string{"printed more than 16 MiB: make it print less", "a flood of words | a flood of words"}},
		"password":       {both("printf 'Password: '; read -r p </dev/tty || { echo no terminal; exit 1; }; exec FORWARD"), nil, []string{"ended with exit status 1; its last lines: Password: "}},
		"ignores TERM":   {both("trap '' TERM; FORWARD & echo deaf; while :; do sleep 0.1; done"), nil, []string{"did not end within 1s of signal TERM and was killed", "its last lines: deaf"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := programmed(t, c.script, c.change)
			s.Measure, s.Rate, s.Mode = 3*time.Second, 1000, spec.Mode(kindOf(t, s.Program))
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			_, err := Run(ctx, s, bpf.None, record.Floor{}, false)
			if err == nil {
				t.Fatal("no error")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%v, want %q", err, want)
				}
			}
			if reason, _ := refusal.Classify(err); reason != record.Failed {
				t.Errorf("%s: %v", reason, err)
			}
			t.Log(err)
			if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "tunbench-program-*")); len(left) > 0 {
				t.Errorf("left behind: %v", left)
			}
		})
	}
}

func short0(f *program.File) {
	for i := range f.Ends {
		f.Ends[i].Ready.Within = 300 * time.Millisecond
	}
}

func kindOf(t *testing.T, name string) string {
	f, err := program.Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return f.Kind()
}

func TestProgramMissing(t *testing.T) {
	s := programmed(t, both("exec FORWARD"), func(f *program.File) {
		f.Ends[0].Command, f.Install = []string{"no-such-vpn"}, "apt-get install no-such-vpn"
	})
	_, err := Run(t.Context(), s, bpf.None, record.Floor{}, false)
	if reason, detail := refusal.Classify(err); reason != record.Missing || !strings.Contains(detail, "needs no-such-vpn, which is not installed here: apt-get install no-such-vpn") {
		t.Errorf("%s: %s", reason, detail)
	}
}

// Each program that ships carries packets, with its own keys.
func TestShippedPrograms(t *testing.T) {
	needRoot(t)
	for _, name := range program.Names() {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TMPDIR", t.TempDir())
			s := short()
			s.Path, s.Program, s.Mode, s.Rate = spec.PathProgram, name, spec.Mode(kindOf(t, name)), 500
			trial, err := Run(t.Context(), s, bpf.None, record.Floor{}, false)
			if missing := new(refusal.Missing); errors.As(err, &missing) {
				if os.Getenv("CI") == "true" {
					t.Fatal(missing)
				}
				t.Skip(missing)
			}
			if err != nil {
				t.Fatal(err)
			}
			if a := trial.Accounting; a.Delivered == 0 || a.Unexplained != 0 {
				t.Errorf("%+v", a)
			}
		})
	}
}

// TestProgramEndsBeforeTraffic: a program that ends when it was ready, and before the sockets of
// the traffic are opened, is the cause of what becomes of these.
func TestProgramEndsBeforeTraffic(t *testing.T) {
	for _, gen := range []spec.Gen{spec.GenUDP, spec.GenTCP} {
		t.Run(string(gen), func(t *testing.T) {
			flag := filepath.Join(t.TempDir(), "flag")
			if err := os.WriteFile(flag, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			script := fmt.Sprintf("FORWARD & while [ -e %s ]; do sleep 0.02; done; exec 2>/dev/null; kill $!; wait $!; echo told to end; exit 7", flag)
			s := programmed(t, [2]string{script, "exec FORWARD"}, nil)
			s.Gen, s.Size = gen, 1400
			r, err := prepare(s, bpf.None)
			if err != nil {
				t.Fatal(err)
			}
			end := func() {
				os.Remove(flag)
				time.Sleep(300 * time.Millisecond)
			}
			switch stage := r.stage.(type) {
			case *packetTrial:
				stage.traffic = &endingTraffic{stage.traffic, end}
			case *conversationTrial:
				stage.path = &endingPath{stage.path, end}
			}
			const want = "on host a ended with exit status 7; its last lines: told to end"
			if _, err := runPhases(t.Context(), r); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		})
	}
}

// endingTraffic and endingPath have a program that ends as soon as all is built.
type endingTraffic struct {
	load.Traffic
	end func()
}

func (g *endingTraffic) Build(ctx context.Context) (path.Site, error) {
	site, err := g.Traffic.Build(ctx)
	g.end()
	return site, err
}

type endingPath struct {
	path.Path
	end func()
}

func (w *endingPath) Build(ctx context.Context) (path.Site, error) {
	site, err := w.Path.Build(ctx)
	w.end()
	return site, err
}
