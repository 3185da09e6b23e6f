package compare

import (
	"context"
	"errors"

	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/reports/record"
)

var errUnsupported = &refusal.Unsupported{Detail: "set offloads: EINVAL"}

// fakeLab keeps what it is asked to measure, and measures the same each time.
type fakeLab struct {
	used  string // hook that SelectHook gives
	specs []spec.Spec
}

func (f *fakeLab) SelectHook(requested string) (record.Hook, error) {
	return record.Hook{Requested: requested, Used: f.used, PassedOver: []record.PassedOver{{Hook: "kprobe", Reason: "not compiled in"}}}, nil
}
func (f *fakeLab) Floor([]int) (record.Floor, error)              { return record.Floor{SyscallNs: 86}, nil }
func (f *fakeLab) Probe(context.Context, spec.Spec, string) error { return nil }
func (f *fakeLab) Run(_ context.Context, s spec.Spec, _ string, floor record.Floor) (record.Trial, error) {
	f.specs = append(f.specs, s)
	if floor.SyscallNs != 86 {
		return record.Trial{}, errors.New("another floor than was measured")
	}
	return record.Trial{Metrics: map[string]float64{record.PPS: 1e6}}, nil
}

// fakeRecorder keeps what is written.
type fakeRecorder struct{ records []record.Record }

func (f *fakeRecorder) Write(r record.Record) error { f.records = append(f.records, r); return nil }
func (f *fakeRecorder) Close() error                { return nil }
