// Package aa stores what A/A runs found on this host: the smallest true change between
// two variants that a comparison can detect.
//
// An A/A run compares a scenario with itself, so that all that it finds is noise. A
// file per host has an entry for each scenario and kernel. An entry is used only for
// the kernel that it was measured on: another kernel may be noisier.
package aa

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"math/bits"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"tunbench/reports/disk"
	"tunbench/reports/record"
)

// ErrNone is returned by Load where no A/A run of this host is stored.
var ErrNone = errors.New("no A/A run of this host is known")

// ErrStale is wrapped by the error of Load where all A/A runs of this host were
// made under other kernels.
var ErrStale = errors.New("made under another kernel")

// Host identifies a host across boots and kernels.
type Host struct {
	Arch        string `json:"arch"`
	CPU         string `json:"cpu"`
	CPUs        int    `json:"cpus"` // online
	SMT         string `json:"smt"`
	Virt        string `json:"virt"`
	MemoryBytes uint64 `json:"memory_bytes"` // rounded up, see hostOf
}

// Result is the result of one A/A run.
type Result struct {
	Fingerprint   string `json:"fingerprint"` // of Host
	Host          Host   `json:"host"`
	Kernel        string `json:"kernel"`         // uname -r
	KernelVersion string `json:"kernel_version"` // uname -v
	Tool          string `json:"tool"`           // version of tunbench
	Measured      string `json:"measured"`       // RFC 3339
	Scenario      string `json:"scenario"`
	Pairs         int    `json:"pairs"`
	// Trials counts all trials, including those of invalid pairs, and Disturbed those
	// of them for which record.Trial.Disturbed is true. Both are 0 in the file of an
	// older tunbench.
	Trials    int `json:"trials,omitempty"`
	Disturbed int `json:"disturbed,omitempty"`
	// Seen maps a metric to the smallest true change that can be detected: a ratio
	// of 1, or a difference where the metric is judged by differences (loss, jain).
	Seen map[string]float64 `json:"seen"`
}

// New returns r with the fields that describe the host, the version of the tool and the
// time at which r was measured.
func New(h record.Host, tool string, measured time.Time, r Result) Result {
	r.Fingerprint, r.Host, r.Kernel, r.KernelVersion, r.Tool = Fingerprint(h), hostOf(h), h.Kernel, h.KernelVersion, tool
	r.Measured, r.Seen = measured.UTC().Format(time.RFC3339), maps.Clone(r.Seen)
	return r
}

// Refuse says why an A/A run with that detectable change of a metric is not used; ""
// where it is used.
type Refuse func(metric string, seen float64) string

// mostDisturbed is the share of the trials of an A/A run that may be disturbed.
const mostDisturbed = 0.1

// Unfit says why r must not be used: too many of its trials were disturbed, or its
// detectable change of the packet rate is too large. It is "" where r may be used.
func (r Result) Unfit(refuse Refuse) string {
	if float64(r.Disturbed) > mostDisturbed*float64(r.Trials) {
		return fmt.Sprintf("%d of its %d trials were disturbed (invalid, or with the flags steal, foreign-load, pressure or throttled), and a tenth may be", r.Disturbed, r.Trials)
	}
	if seen, ok := r.Seen[record.PPS]; ok {
		return refuse(record.PPS, seen)
	}
	return ""
}

// Fit returns r without the metrics whose detectable change is too large, and the reason
// for each of these. If r is unfit, no metric is left.
func (r Result) Fit(refuse Refuse) (fit Result, wrong map[string]string) {
	all := r.Unfit(refuse)
	fit, wrong = r, map[string]string{}
	fit.Seen = map[string]float64{}
	for metric, seen := range r.Seen {
		if why := cmp.Or(all, refuse(metric, seen)); why != "" {
			wrong[metric] = why
		} else {
			fit.Seen[metric] = seen
		}
	}
	return fit, wrong
}

// Known is what is known of one host under one kernel.
type Known struct {
	Results []Result // one per scenario, by name, without unfit metrics
	Unfit   []Result // results that must not be used, in the same order
}

// Seen returns the detectable change of metric in scenario: that of the scenario's A/A
// run or, if no such run has the metric, the largest of all scenarios, so that no verdict
// rests on a quieter scenario.
func (k *Known) Seen(scenario, metric string) (float64, bool) {
	for _, r := range k.Results {
		if r.Scenario == scenario {
			if v, ok := r.Seen[metric]; ok {
				return v, true
			}
		}
	}
	v, ok := k.Sees()[metric]
	return v, ok
}

// Sees maps each metric to its largest detectable change over all scenarios.
func (k *Known) Sees() map[string]float64 {
	sees := map[string]float64{}
	for _, r := range k.Results {
		for metric, v := range r.Seen {
			sees[metric] = max(sees[metric], v)
		}
	}
	return sees
}

// Fingerprint names a host by its CPU model, the number of CPUs, SMT,
// architecture, virtualisation and memory, in 16 hexadecimal digits.
func Fingerprint(h record.Host) string { return hostOf(h).fingerprint() }

func (h Host) fingerprint() string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q %q %d %q %q %d", h.Arch, h.CPU, h.CPUs, h.SMT, h.Virt, h.MemoryBytes))
	return hex.EncodeToString(sum[:8])
}

// hostOf rounds the memory up to an eighth of the next power of two: how much
// of it the kernel keeps for itself differs from build to build.
func hostOf(h record.Host) Host {
	memory := h.MemoryBytes
	if n := bits.Len64(memory); n > 4 && n < 64 {
		step := uint64(1) << (n - 3)
		memory = (memory + step - 1) / step * step
	}
	return Host{Arch: h.Arch, CPU: h.CPU, CPUs: h.CPUs, SMT: h.SMT, Virt: h.Virt, MemoryBytes: memory}
}

// Dir is the folder of the A/A runs inside the user's cache:
// $XDG_CACHE_HOME/tunbench/aa, or ~/.cache/tunbench/aa, where home is that of
// the user who called sudo. It is an error if neither is known.
func Dir() (string, error) {
	if id := os.Getenv("SUDO_UID"); id != "" && os.Geteuid() == 0 && os.Getenv("XDG_CACHE_HOME") == "" {
		if u, err := user.LookupId(id); err == nil && filepath.IsAbs(u.HomeDir) {
			return filepath.Join(u.HomeDir, ".cache", "tunbench", "aa"), nil
		}
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find the cache folder: %w", err)
	}
	return filepath.Join(cache, "tunbench", "aa"), nil
}

// schema is the version of file.
const schema = 1

// most is how many results a file keeps. The oldest are dropped, so that the file of a
// host that boots many kernels does not grow for ever.
const most = 256

// file is the content of <fingerprint>.json.
type file struct {
	Schema  int      `json:"schema"`
	Results []Result `json:"results"`
}

func path(dir, fingerprint string) string { return filepath.Join(dir, fingerprint+".json") }

// Load reads the results of h under its kernel, without those that refuse refuses. The
// error is ErrNone where nothing is stored, wraps ErrStale where all results are of other
// kernels, and names the file where that cannot be read or is corrupt.
func Load(dir string, h record.Host, refuse Refuse) (*Known, error) {
	all, err := read(dir, Fingerprint(h))
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, ErrNone
	}
	k := new(Known)
	for _, r := range all {
		if r.Kernel != h.Kernel || r.KernelVersion != h.KernelVersion {
			continue
		}
		if fit, _ := r.Fit(refuse); len(fit.Seen) > 0 {
			k.Results = append(k.Results, fit)
		} else {
			k.Unfit = append(k.Unfit, r)
		}
	}
	if len(k.Results)+len(k.Unfit) == 0 {
		last := slices.MaxFunc(all, byAge)
		return nil, fmt.Errorf("the A/A run of %s on this host says nothing about this kernel: it was %w, %s (%s), this one is %s (%s); compare equal variants again: tunbench ab",
			last.Measured, ErrStale, last.Kernel, last.KernelVersion, h.Kernel, h.KernelVersion)
	}
	for _, list := range [][]Result{k.Results, k.Unfit} {
		slices.SortFunc(list, func(a, b Result) int { return strings.Compare(a.Scenario, b.Scenario) })
	}
	return k, nil
}

// Stored returns all results of h, of every kernel, the oldest first, and the path of
// their file. Without such a file there are no results.
func Stored(dir string, h record.Host) (all []Result, file string, err error) {
	file = path(dir, Fingerprint(h))
	all, err = read(dir, Fingerprint(h))
	if errors.Is(err, ErrNone) {
		err = nil
	}
	slices.SortStableFunc(all, byAge)
	return all, file, err
}

// Forget removes the file with all results of h, of every kernel, even if it is corrupt,
// and returns its path. The error is ErrNone where there is no such file.
func Forget(dir string, h record.Host) (file string, err error) {
	file = path(dir, Fingerprint(h))
	err = os.Remove(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return file, ErrNone
	case err != nil:
		return file, fmt.Errorf("forget A/A runs: %w", err)
	}
	return file, nil
}

// Store adds r to the results of its host, in place of an older result of the same
// scenario and kernel. The file is replaced in one step: where two processes store at the
// same time, one result may be lost, but the file is not torn. A corrupt file is not
// overwritten: the error names it.
func Store(dir string, r Result) error {
	if err := r.check(); err != nil {
		return fmt.Errorf("store A/A run of %s: %w", r.Scenario, err)
	}
	all, err := read(dir, r.Fingerprint)
	if err != nil && !errors.Is(err, ErrNone) {
		return err
	}
	all = slices.DeleteFunc(all, func(o Result) bool {
		return o.Scenario == r.Scenario && o.Kernel == r.Kernel && o.KernelVersion == r.KernelVersion
	})
	all = append(all, r)
	slices.SortStableFunc(all, byAge)
	all = all[max(0, len(all)-most):]
	text, err := json.MarshalIndent(file{schema, all}, "", "\t")
	if err != nil {
		return fmt.Errorf("store A/A run of %s: %w", r.Scenario, err)
	}
	name := path(dir, r.Fingerprint)
	if err := disk.MakeFolder(dir); err != nil {
		return fmt.Errorf("make the folder of A/A runs: %w", err)
	}
	return disk.Replace(name, append(text, '\n'))
}

// byAge orders results, the oldest first. Their times were checked when read.
func byAge(a, b Result) int {
	at, _ := time.Parse(time.RFC3339, a.Measured)
	bt, _ := time.Parse(time.RFC3339, b.Measured)
	return cmp.Or(at.Compare(bt), strings.Compare(a.Scenario, b.Scenario))
}

func read(dir, fingerprint string) ([]Result, error) {
	name := path(dir, fingerprint)
	text, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, fmt.Errorf("read A/A runs: %w", err)
	}
	corrupt := func(err error) error {
		return fmt.Errorf("read A/A runs: %s is corrupt: %w; remove it, then compare equal variants again: tunbench ab", name, err)
	}
	var f file
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, corrupt(err)
	}
	switch {
	case f.Schema > schema:
		return nil, fmt.Errorf("read A/A runs: %s has schema %d, this tunbench reads up to %d: use a newer one", name, f.Schema, schema)
	case f.Schema < 1:
		return nil, corrupt(fmt.Errorf("schema %d: there is no such schema", f.Schema))
	}
	for _, r := range f.Results {
		if err := r.check(); err != nil {
			return nil, corrupt(fmt.Errorf("%s: %w", r.Scenario, err))
		}
		if r.Fingerprint != fingerprint {
			return nil, corrupt(fmt.Errorf("%s is of the host %s", r.Scenario, r.Fingerprint))
		}
	}
	return f.Results, nil
}

// check refuses a result that no A/A run can have.
func (r Result) check() error {
	if r.Scenario == "" {
		return errors.New("no scenario is named")
	}
	if want := r.Host.fingerprint(); r.Fingerprint != want {
		return fmt.Errorf("fingerprint %q is not that of its host, %s", r.Fingerprint, want)
	}
	if _, err := time.Parse(time.RFC3339, r.Measured); err != nil {
		return fmt.Errorf("measured at %q: not an RFC 3339 time", r.Measured)
	}
	if r.Pairs < 1 {
		return fmt.Errorf("%d pairs", r.Pairs)
	}
	if r.Trials < 0 || r.Disturbed < 0 || r.Disturbed > r.Trials {
		return fmt.Errorf("%d disturbed trials of %d", r.Disturbed, r.Trials)
	}
	if len(r.Seen) == 0 {
		return errors.New("no metric was seen")
	}
	for _, metric := range slices.Sorted(maps.Keys(r.Seen)) {
		if v := r.Seen[metric]; math.IsNaN(v) || math.IsInf(v, 0) || v < 0 {
			return fmt.Errorf("smallest change seen of %s is %v", metric, v)
		}
	}
	return nil
}
