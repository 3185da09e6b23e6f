package setup_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/bench/setup"
	"tunbench/harness"
)

func TestDefaultsAreTheHarness(t *testing.T) {
	s, err := setup.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(harness.Default(), setup.Spec(s)); diff != "" {
		t.Errorf("the scenario of defaults differs from harness.Default (-harness +scenario)\n%s", diff)
	}
}

func TestSpec(t *testing.T) {
	s, err := setup.New(map[string]string{
		"mode": "tap", "gen": "packet", "io": "spin", "queues": "2", "flows": "7", "size": "imix", "vnet": "24", "offload": "tunnel",
		"pi": "on", "napi": "frags", "steer": "ebpf-one", "qdisc": "fq", "txqlen": "1000", "sndbuf": "65536", "bypass": "on",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := harness.Default()
	want.Mode, want.Gen, want.IO, want.Queues, want.Flows, want.Size = harness.TAP, harness.GenPacket, harness.IOSpin, 2, 7, harness.SizeIMIX
	want.VnetHdr, want.Offload, want.PI, want.NAPI, want.Steer = 24, harness.OffloadTunnel, true, harness.NAPIFrags, harness.SteerOne
	want.Qdisc, want.TxQLen, want.SndBuf, want.Bypass = "fq", 1000, 65536, true
	if diff := cmp.Diff(want, setup.Spec(s)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
