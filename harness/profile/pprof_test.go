package profile

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/pprof/profile"

	"tunbench/bpf"
	"tunbench/reports/record"
)

// block has a sender that costs so many samples in write and in tun_net_xmit.
func block(write, xmit uint64) Block {
	s := &Samples{Event: Clock, PeriodNs: 1000}
	s.Counts[bpf.StackTask], s.Counts[bpf.StackSoftirq], s.Counts[bpf.StackIdle], s.Counts[bpf.StackOther], s.Counts[bpf.StackLost] = write+xmit, 1, 5, 6, 7
	s.Stacks = []Stack{
		{[]Frame{{"tunbench", ""}, {"write", "vmlinux"}}, write},
		{[]Frame{{"tunbench", ""}, {"write", "vmlinux"}, {"tun_net_xmit", "tun"}}, xmit},
		{[]Frame{{"softirq", ""}, {"net_rx_action", "vmlinux"}}, 1},
	}
	return Block{s, 100, 1000}
}

func TestFile(t *testing.T) {
	side := func(xmit uint64) *profile.Profile {
		f := NewFile(record.ProfileNs)
		f.Add("Tun/size=64", []Block{block(2, xmit), block(2, xmit)})
		f.Add("Tun/size=1500", []Block{block(1, 1)})
		f.Add("Tun/empty", nil)
		b, err := f.Bytes()
		if err != nil {
			t.Fatal(err)
		}
		p, err := profile.ParseData(b)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := side(4)
	if p.DefaultSampleType != "cpu_per_1000_packets" || len(p.Sample) != 6 {
		t.Fatalf("%v", p)
	}
	s := p.Sample[1]
	// Twice 4 samples of 1000 ns in 200 packets: 40 ns a packet.
	if want := []int64{8, 8000, 40_000}; !cmp.Equal(s.Value, want) || s.Label["scenario"][0] != "Tun/size=64" {
		t.Errorf("%v %v, want %v", s.Value, s.Label, want)
	}
	if leaf := s.Location[0].Line[0].Function; leaf.Name != "tun_net_xmit" || leaf.Filename != "tun" || len(s.Location) != 3 {
		t.Errorf("leaf %+v of %d", leaf, len(s.Location))
	}
	// As go tool pprof -diff_base does.
	base := side(1)
	base.Scale(-1)
	d, err := profile.Merge([]*profile.Profile{p, base})
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range d.Sample {
		if s.Location[0].Line[0].Function.Name == "tun_net_xmit" && s.Label["scenario"][0] == "Tun/size=64" && s.Value[2] != 30_000 {
			t.Errorf("the difference is %v", s.Value)
		}
	}

	virtual := NewFile(record.ProfileInstructions)
	b, err := virtual.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	if p, err = profile.ParseData(b); err != nil || p.DefaultSampleType != "instructions_per_1000_packets" || p.SampleType[2].Unit != "count" {
		t.Errorf("%v, %v", p, err)
	}
}

func TestSum(t *testing.T) {
	lost := block(1, 1)
	lost.Pkts = 0
	p := Sum(record.ProfileNs, []Block{block(2, 4), lost, block(2, 6)})
	want := []record.ProfileBlock{
		{Pkts: 100, Cost: 70, Sampled: 7, Softirq: 1, Idle: 5, Foreign: 6, Lost: 7},
		{Pkts: 100, Cost: 90, Sampled: 9, Softirq: 1, Idle: 5, Foreign: 6, Lost: 7},
	}
	if d := cmp.Diff(want, p.Blocks); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	functions := []record.ProfileFunction{
		{Name: "net_rx_action", Of: "vmlinux", Self: []float64{10, 10}},
		{Name: "tun_net_xmit", Of: "tun", Self: []float64{40, 60}},
		{Name: "write", Of: "vmlinux", Self: []float64{20, 20}},
	}
	if d := cmp.Diff(functions, p.Functions); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	tree := record.ProfileNode{Name: "all", Calls: []record.ProfileNode{
		{Name: "softirq", Calls: []record.ProfileNode{{Name: "net_rx_action", Self: 10}}},
		{Name: "tunbench", Calls: []record.ProfileNode{{Name: "write", Self: 20, Calls: []record.ProfileNode{{Name: "tun_net_xmit", Self: 50}}}}},
	}}
	if d := cmp.Diff(tree, p.Root); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}

	// What costs next to nothing is part of its caller.
	many := block(1_000_000, 1)
	p = Sum(record.ProfileNs, []Block{many})
	if calls := p.Root.Calls; len(calls) != 1 || len(calls[0].Calls) != 1 || len(calls[0].Calls[0].Calls) != 0 {
		t.Errorf("%+v", p.Root)
	}
}

// TestFrames: what a softirq interrupted is left out, what one of the trial's threads ran
// into is not.
func TestFrames(t *testing.T) {
	k := &kernelSymbols{
		functions: table{{100, "handle_softirqs", ""}, {200, "asm_interrupt", ""}, {300, "someone", ""}, {400, "rx", ""}},
		code:      []bpf.CodeRange{{Begin: 100, End: 200}},
	}
	n := namer{kernel: k, own: 7, processes: map[int]process{8: {comm: "openvpn"}}, objects: map[string]object{}, named: map[address][]Frame{}}
	names := func(s bpf.Stack) (list []string) {
		for _, f := range n.frames(s) {
			list = append(list, f.Name)
		}
		return list
	}
	stack := []uint64{410, 150, 250, 350} // the innermost first
	for _, c := range []struct {
		kind    bpf.StackKind
		process int
		want    []string
	}{
		{bpf.StackSoftirq, 9, []string{"softirq", "handle_softirqs", "rx"}},
		{bpf.StackTask, 7, []string{"tunbench", "someone", "asm_interrupt", "handle_softirqs", "rx"}},
		{bpf.StackTask, 8, []string{"openvpn", "someone", "asm_interrupt", "handle_softirqs", "rx"}},
		{bpf.StackTask, 10, []string{"another process of the trial", "someone", "asm_interrupt", "handle_softirqs", "rx"}},
		{bpf.StackWorker, 2, []string{"kernel worker", "someone", "asm_interrupt", "handle_softirqs", "rx"}},
	} {
		if got := names(bpf.Stack{Kind: c.kind, Process: c.process, Kernel: stack}); !cmp.Equal(got, c.want) {
			t.Errorf("%d of %d: %q, want %q", c.kind, c.process, got, c.want)
		}
	}
	// A return address is behind the call, which may be the end of a function.
	if got := names(bpf.Stack{Kind: bpf.StackTask, Process: 8, Kernel: []uint64{410, 300}}); got[1] != "asm_interrupt" {
		t.Errorf("%q", got)
	}
}

// TestSpread: samples of which only the function is known count with the stacks that end
// in it, and none is lost.
func TestSpread(t *testing.T) {
	frames := func(names ...string) (list []Frame) {
		for _, name := range names {
			list = append(list, Frame{Name: name})
		}
		return list
	}
	stacks := []Stack{
		{frames("tunbench", "read", "copy"), 2},
		{frames("tunbench", "write", "copy"), 1},
		{frames("tunbench", "write", "xmit"), 5},
		{frames("softirq", "rx", "copy"), 4}, // not of the process
	}
	leaves := []Stack{
		{frames("tunbench", "copy"), 10},
		{frames("tunbench", "rare"), 3}, // no stack ends in it
	}
	want := []Stack{
		{frames("softirq", "rx", "copy"), 4},
		{frames("tunbench", "rare"), 3},
		{frames("tunbench", "read", "copy"), 2 + 7},
		{frames("tunbench", "write", "copy"), 1 + 3},
		{frames("tunbench", "write", "xmit"), 5},
	}
	if d := cmp.Diff(want, spread(stacks, leaves)); d != "" {
		t.Errorf("-want +got:\n%s", d)
	}
	if got := spread(nil, nil); len(got) != 0 {
		t.Errorf("%v of nothing", got)
	}
}
