package folder

import (
	"errors"
	"io"

	"tunbench/bench/plan"
	"tunbench/harness/vm/guest"
	"tunbench/reports/record"
)

// Create makes the folder of path and the run file, which must not exist, and calls
// hold to lock it. In a guest each record leaves for the host as soon as it is
// written.
func Create(path string, hold func(path string) error) (plan.Recorder, error) {
	if err := create(path); err != nil {
		return nil, err
	}
	if err := hold(path); err != nil {
		return nil, err
	}
	rec, err := record.Create(path)
	if err != nil {
		return nil, err
	}
	return handOut(path, rec)
}

// Copied returns a Recorder that writes each record to rec and then to w, as one JSON
// object a line.
func Copied(rec plan.Recorder, w io.Writer) plan.Recorder { return tee{rec, record.NewWriter(w)} }

// growing sends each record of a run in a guest to the host as soon as it is written.
type growing struct {
	plan.Recorder
	file *guest.Growing
}

// handOut returns a Recorder that also sends what rec writes into the file at path to the
// host, if this is a guest.
func handOut(path string, rec plan.Recorder) (plan.Recorder, error) {
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

// tee writes each record that was written to a second writer.
type tee struct {
	plan.Recorder
	to *record.Writer
}

func (t tee) Write(r record.Record) error {
	if err := t.Recorder.Write(r); err != nil {
		return err
	}
	return t.to.Write(r)
}
