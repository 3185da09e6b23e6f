// Package harness measures: its Lab builds a TUN/TAP device, drives traffic through
// it, drains it, accounts for every packet and tears it down. That is one trial.
package harness

import (
	"context"
	"maps"
	"strings"
	"sync"

	"tunbench/bpf"
	"tunbench/harness/block"
	"tunbench/harness/doctor"
	"tunbench/harness/host"
	"tunbench/harness/module"
	"tunbench/harness/profile"
	"tunbench/harness/spec"
	"tunbench/harness/swap"
	"tunbench/harness/trial"
	"tunbench/reports/record"
)

// Lab measures on this host. Its methods must not be called at the same time:
// trials would disturb each other.
type Lab struct {
	host  record.Host
	fresh sync.Once // completes host.Sysctl
}

// New reads what this host is.
func New() *Lab { return &Lab{host: host.Read()} }

// Host is the machine as far as it is part of a number, with the settings that the
// namespace of a trial has. They are left out without the right to make a namespace.
func (l *Lab) Host() record.Host {
	l.fresh.Do(func() {
		sysctl, _ := doctor.FreshNamespace()
		maps.Copy(l.host.Sysctl, sysctl)
	})
	return l.host
}

// Floor measures what bare system calls cost on the first of the given CPUs, or of
// those that this process may use.
func (l *Lab) Floor(cpus []int) (record.Floor, error) {
	cpus, err := host.Usable(cpus)
	if err != nil {
		return record.Floor{}, err
	}
	return host.Floor(cpus[0])
}

// SelectHook finds the hook to use: "auto" takes the first one that holds, and says
// why it passed over another; a hook that is named is used or an error.
func (l *Lab) SelectHook(requested string) (record.Hook, error) { return doctor.SelectHook(requested) }

// Probe builds the device that s asks for and tears it down again, without
// traffic and without the observer.
func (l *Lab) Probe(ctx context.Context, s spec.Spec, hook string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := swap.Use(s.Module); err != nil {
		return err
	}
	return trial.Probe(ctx, s, bpf.Hook(hook))
}

// Run makes one trial of s, with the observer on hook, or bare if that is "none".
// Everything of the record is filled in but Scenario, Axes, Arm, Pair and Trial. The
// floor is that of this host in this run. The module that s names is loaded before, if it
// names one.
func (l *Lab) Run(ctx context.Context, s spec.Spec, hook string, floor record.Floor) (record.Trial, error) {
	if err := swap.Use(s.Module); err != nil {
		return record.Trial{}, err
	}
	return trial.Run(ctx, s, bpf.Hook(hook), floor, l.softirqsApart())
}

// softirqsApart reports whether the kernel accounts the time of softirqs apart from
// that of the threads that they interrupt.
func (l *Lab) softirqsApart() bool { return l.host.Config["CONFIG_IRQ_TIME_ACCOUNTING"] == "y" }

// RunPair makes one trial of each variant, side by side: both devices are there from
// the beginning, and the traffic goes through one or the other in turn. seed decides
// which side comes first in each pair of windows. The records are filled in as by
// Run. Variants that cannot take turns (Spec.SideBySide) are an error.
func (l *Lab) RunPair(ctx context.Context, variants [2]trial.Variant, seed uint64, floor record.Floor) (trials [2]record.Trial, err error) {
	if err := swap.Use(module.AsIs); err != nil {
		return trials, err
	}
	return trial.Pair(ctx, variants, seed, floor, l.softirqsApart())
}

// Profile makes a trial as Run does, and samples stacks while it is measured.
func (l *Lab) Profile(ctx context.Context, s spec.Spec, hook string, o trial.Sampling, floor record.Floor) (trial.Profiled, error) {
	if err := swap.Use(s.Module); err != nil {
		return trial.Profiled{}, err
	}
	return trial.Profile(ctx, s, bpf.Hook(hook), o, floor, l.softirqsApart())
}

// ProfilePair makes a trial of each variant as RunPair does, and samples the stacks of
// each in its own windows.
func (l *Lab) ProfilePair(ctx context.Context, variants [2]trial.Variant, o trial.Sampling, seed uint64, floor record.Floor) (got [2]trial.Profiled, err error) {
	if err := swap.Use(module.AsIs); err != nil {
		return got, err
	}
	return trial.ProfilePair(ctx, variants, o, seed, floor, l.softirqsApart())
}

// CheckProfile returns why stacks cannot be sampled here, or nil.
func CheckProfile() error { return profile.Check() }

// Fit is how many of the first variants this host can hold at the same time; at least
// one.
func (l *Lab) Fit(variants []trial.Variant) int { return block.Fit(variants) }

// RunBlock measures the variants of b by turns. The records are filled in as by Run.
func (l *Lab) RunBlock(ctx context.Context, b block.Block) []block.Result {
	if err := swap.Use(module.AsIs); err != nil {
		results := make([]block.Result, len(b.Variants))
		for i := range results {
			results[i].Err = err
		}
		return results
	}
	b.AddSoftirq = l.softirqsApart()
	return b.Run(ctx)
}

// Side makes v one side of a pair whose other side is in another process. With
// toggled, its observer is taken away while the other side is measured.
func (l *Lab) Side(v trial.Variant, toggled bool, floor record.Floor) (trial.Side, error) {
	return trial.NewSide(v, toggled, floor, l.softirqsApart())
}

// ForGuest describes this machine to a guest that it boots, as a variable of the
// guest's environment.
func ForGuest() string { return host.ForGuest() }

// CheckPrivileges is a PrivilegeError if capabilities are missing for a full
// measurement.
func CheckPrivileges() error {
	missing := host.Capabilities()
	if len(missing) == 0 {
		return nil
	}
	return &PrivilegeError{Missing: missing}
}

// PrivilegeError names the capabilities that the process lacks.
type PrivilegeError struct{ Missing []string }

func (e *PrivilegeError) Error() string {
	return "missing capabilities: " + strings.Join(e.Missing, ", ") + "; run as root"
}
