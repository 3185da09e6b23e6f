package aa

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"time"

	"tunbench/reports/disk"
	"tunbench/reports/record"
)

// Runs says how far stored runs of one build scatter on a host, as standard deviations of
// logarithms of ratios to loopback.
type Runs struct {
	Schema      int     `json:"schema"`
	Fingerprint string  `json:"fingerprint"` // of Host
	Host        Host    `json:"host"`
	Kernel      string  `json:"kernel"`   // uname -r of the first run
	Tool        string  `json:"tool"`     // version of tunbench
	Measured    string  `json:"measured"` // when the runs were compared, RFC 3339
	Runs        int     `json:"runs"`
	Scenarios   int     `json:"scenarios"`
	Shared      float64 `json:"shared"` // of what all scenarios of a run have in common
	Own         float64 `json:"own"`    // of a scenario against the others of its run
}

func runsPath(dir, fingerprint string) string {
	return filepath.Join(dir, fingerprint+".runs.json")
}

// StoreRuns stores r, measured at that time by runs with the header run, in place of what
// was stored of the host, and returns the file.
func StoreRuns(dir string, run *record.Run, measured time.Time, r Runs) (name string, err error) {
	r.Schema, r.Host, r.Fingerprint = schema, hostOf(run.Host), Fingerprint(run.Host)
	r.Kernel, r.Tool, r.Measured = run.Host.Kernel, run.Tool.Version, measured.UTC().Format(time.RFC3339)
	name = runsPath(dir, r.Fingerprint)
	if err := r.check(r.Fingerprint); err != nil {
		return name, fmt.Errorf("store the scatter of runs: %w", err)
	}
	text, err := json.MarshalIndent(r, "", "\t")
	if err != nil {
		return name, fmt.Errorf("store the scatter of runs: %w", err)
	}
	if err := disk.MakeFolder(dir); err != nil {
		return name, fmt.Errorf("make the folder of A/A runs: %w", err)
	}
	return name, disk.Replace(name, append(text, '\n'))
}

// LoadRuns returns what is stored of h. The error is ErrNone where nothing is, and names
// the file where that cannot be used.
func LoadRuns(dir string, h record.Host) (r Runs, err error) {
	name := runsPath(dir, Fingerprint(h))
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return r, ErrNone
	}
	if err == nil {
		if err = json.Unmarshal(text, &r); err == nil {
			err = r.check(Fingerprint(h))
		}
	}
	if err != nil {
		return Runs{}, fmt.Errorf("read the scatter of stored runs: %s: %w; remove it, then compare runs of one build again: tunbench compare --aa", name, err)
	}
	return r, nil
}

func (r Runs) check(fingerprint string) error {
	switch {
	case r.Schema != schema:
		return fmt.Errorf("schema %d, this tunbench reads %d", r.Schema, schema)
	case r.Fingerprint != fingerprint:
		return fmt.Errorf("it is of the host %s", r.Fingerprint)
	case r.Runs < 2 || r.Scenarios < 1:
		return fmt.Errorf("%d runs of %d scenarios", r.Runs, r.Scenarios)
	}
	for _, v := range []float64{r.Shared, r.Own} {
		if math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
			return fmt.Errorf("the scatter is %v", v)
		}
	}
	return nil
}
