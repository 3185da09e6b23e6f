package setup

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tunbench/bench/suite"
	"tunbench/harness/spec"
)

func TestDefaultsAreTheHarness(t *testing.T) {
	s, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(spec.Default(), Spec(s)); diff != "" {
		t.Errorf("the scenario of defaults differs from spec.Default (-harness +scenario)\n%s", diff)
	}
}

func TestSpec(t *testing.T) {
	s, err := New(map[string]string{
		"mode": "tap", "gen": "packet", "io": "spin", "queues": "2", "flows": "7", "size": "imix", "vnet": "24", "offload": "tunnel",
		"pi": "on", "napi": "frags", "steer": "ebpf-one", "qdisc": "fq", "txqlen": "1000", "sndbuf": "65536", "bypass": "on",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := spec.Default()
	want.Mode, want.Gen, want.IO, want.Queues, want.Flows, want.Size = spec.TAP, spec.GenPacket, spec.IOSpin, 2, 7, spec.SizeIMIX
	want.VnetHdr, want.Offload, want.PI, want.NAPI, want.Steer = 24, spec.OffloadTunnel, true, spec.NAPIFrags, spec.SteerOne
	want.Qdisc, want.TxQLen, want.SndBuf, want.Bypass = "fq", 1000, 65536, true
	if diff := cmp.Diff(want, Spec(s)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestEveryAxisIsSet(t *testing.T) {
	for _, a := range suite.Axes() {
		if setters[a.Name] == nil {
			t.Errorf("axis %s sets nothing in a Spec", a.Name)
		}
	}
	if len(setters) != len(suite.Axes()) {
		t.Errorf("%d axes are set, there are %d", len(setters), len(suite.Axes()))
	}
}

// The bounds of an axis are those of the harness: what it allows is possible, and
// what it refuses is not.
func TestBounds(t *testing.T) {
	for axis, most := range map[string]int{
		"queues=%d": spec.MaxQueues, "flows=%d": spec.MaxFlows, "senders=%d": spec.MaxSenders, "size=%d": spec.MaxSize,
		"load=%dpps": spec.MaxRate, "pause=%dms": int(spec.MaxPause / time.Millisecond), "filter=%dns": int(spec.MaxFilterTime / time.Nanosecond),
	} {
		if _, _, err := suite.ParseAssignment(fmt.Sprintf(axis, most)); err != nil {
			t.Error(err)
		}
		if _, _, err := suite.ParseAssignment(fmt.Sprintf(axis, most+1)); err == nil {
			t.Errorf(axis+": the harness cannot do that", most+1)
		}
	}
	if _, _, err := suite.ParseAssignment(fmt.Sprintf("size=%d", spec.MinSize-1)); err == nil {
		t.Errorf("size=%d: the harness cannot do that", spec.MinSize-1)
	}
	if suite.MinMeasure != spec.MinMeasure {
		t.Errorf("a suite measures %v at least, the harness %v", suite.MinMeasure, spec.MinMeasure)
	}
}

// A copy asks the harness for the same as its original.
func TestCopiesAreMeasuredAlike(t *testing.T) {
	one, err := New(nil)
	if err != nil {
		t.Fatal(err)
	}
	two, err := New(map[string]string{"copy": "2"})
	if err != nil {
		t.Fatal(err)
	}
	if one.Name == two.Name {
		t.Errorf("both are named %s", one.Name)
	}
	if diff := cmp.Diff(Spec(one), Spec(two)); diff != "" {
		t.Errorf("(-one +two)\n%s", diff)
	}
}
