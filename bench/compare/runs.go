package compare

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"tunbench/reports/aa"
	"tunbench/reports/record"
	"tunbench/reports/shift"
	"tunbench/reports/verdict"
)

// Scatter returns how far stored runs of one build are known to scatter on host: the zero
// Scatter where that is not known. What is wrong with it is a warning.
func Scatter(host record.Host, warnf func(format string, args ...any)) shift.Scatter {
	dir, err := aa.Dir()
	if err != nil {
		return shift.Scatter{} // no home: a service
	}
	r, err := aa.LoadRuns(dir, host)
	switch {
	case errors.Is(err, aa.ErrNone):
		return shift.Scatter{}
	case err != nil:
		warnf("warning: %v", err)
		return shift.Scatter{}
	}
	return shift.Scatter{Shared: r.Shared, Own: r.Own, Runs: r.Runs}
}

// KeepScatter measures how far the stored runs at paths, of one build and host, scatter,
// writes that to w, in words or as it is kept, and keeps it for comparisons of runs of that
// host.
func KeepScatter(w io.Writer, paths []string, asJSON bool) error {
	if len(paths) < 2 {
		return fmt.Errorf("an A/A comparison of stored runs takes two runs of one build, better five")
	}
	var files []*record.File
	for _, path := range paths {
		f, err := record.ReadFile(path)
		if err != nil {
			return err
		}
		for _, other := range files {
			if other.Run.ID == f.Run.ID {
				return fmt.Errorf("%s is the same run as another one", path)
			}
		}
		files = append(files, f)
	}
	s, scenarios, err := verdict.MeasureScatter(files)
	if err != nil {
		return err
	}
	dir, err := aa.Dir()
	if err != nil {
		return err
	}
	file, err := aa.StoreRuns(dir, files[0].Run, time.Now(), aa.Runs{Runs: s.Runs, Scenarios: scenarios, Shared: s.Shared, Own: s.Own})
	if err != nil {
		return err
	}
	if asJSON {
		kept, err := aa.LoadRuns(dir, files[0].Run.Host)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(w).Encode(kept); err != nil {
			return fmt.Errorf("print the scatter of runs: %w", err)
		}
		return nil
	}
	_, err = fmt.Fprintf(w, "%d stored runs of one build, %d scenarios, by the ratio to loopback:\n"+
		"from run to run, all scenarios together scatter by %.1f %%, and a scenario against the others by %.1f %%.\n"+
		"tunbench compare uses that for runs of this host. It is kept in %s\n", s.Runs, scenarios, 100*s.Shared, 100*s.Own, file)
	return err
}
