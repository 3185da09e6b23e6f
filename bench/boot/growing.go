package boot

import (
	"errors"

	"tunbench/bench/plan"
	"tunbench/harness/vm/guest"
	"tunbench/reports/record"
)

// growing hands each record of a guest's run to the host as soon as it is
// written.
type growing struct {
	plan.Recorder
	file *guest.Growing
}

// HandOut lets what rec writes into the file at path leave the guest at once,
// if this is one.
func HandOut(path string, rec plan.Recorder) (plan.Recorder, error) {
	file, err := guest.Grow(path)
	if err != nil {
		return nil, errors.Join(err, rec.Close())
	}
	if file == nil {
		return rec, nil
	}
	return growing{rec, file}, nil
}

func (g growing) Write(r record.Record) error {
	if err := g.Recorder.Write(r); err != nil {
		return err
	}
	return g.file.Send()
}

func (g growing) Close() error {
	return errors.Join(g.Recorder.Close(), g.file.Close())
}
