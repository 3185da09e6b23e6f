package bench

import (
	"context"

	"tunbench/harness"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
)

// What the command needs of the harness, so that it stands on bench alone.
type (
	Spec    = spec.Spec
	Side    = harness.Side
	Report  = harness.Report
	Section = harness.Section
	Row     = harness.Row

	ObserverError = refusal.Unobservable
)

// Status of a Row.
const (
	StatusOK          = harness.StatusOK
	StatusUsed        = harness.StatusUsed
	StatusUnsupported = harness.StatusUnsupported
	StatusFailed      = harness.StatusFailed
	StatusWarning     = harness.StatusWarning
	StatusUnknown     = harness.StatusUnknown
)

// MinMeasure is the least measured time of a trial.
const MinMeasure = spec.MinMeasure

// SectionObserver is the title of the section of the observer's rungs.
const SectionObserver = harness.SectionObserver

// NewLab returns the Lab of this host.
func NewLab() PairLab { return hostLab{harness.New()} }

// NewPartyLab returns the Lab of this host for a process that measures one side
// of a pair.
func NewPartyLab() PartyLab { return hostLab{harness.New()} }

type hostLab struct{ *harness.Lab }

func (hostLab) Classify(err error) (reason, detail string) { return refusal.Classify(err) }

// Doctor tells what this kernel and host can do and what would spoil a
// measurement.
func Doctor(ctx context.Context) (Report, error) { return harness.Doctor(ctx) }

// CheckPrivileges returns an error that names the capabilities that are
// missing to measure, if any.
func CheckPrivileges() error { return harness.CheckPrivileges() }

// ForGuest describes this machine to a guest that it boots, as a variable of
// the guest's environment: host.outer of its runs.
func ForGuest() string { return harness.ForGuest() }
