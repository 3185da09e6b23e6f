// Package record holds the records of run.jsonl and their codec.
//
// It imports no other package of the module. All values are in base units: packets,
// bytes, nanoseconds, ratios of 1. Only fields with the tag `sign:"any"` can be
// negative.
package record

import "fmt"

// Schema is the version of the records that this package writes. A reader
// refuses a file whose schema is above its own.
const Schema = 1

// Kind is the first field of each line of run.jsonl.
type Kind string

const (
	KindRun     Kind = "run"
	KindTrial   Kind = "trial"
	KindSearch  Kind = "search"
	KindProfile Kind = "profile"
	KindVerdict Kind = "verdict"
	KindSkip    Kind = "skip"
	KindResume  Kind = "resume"
	KindEnd     Kind = "end"
)

// Arm says whether the observer was attached during a trial.
type Arm string

const (
	Bare     Arm = "bare"
	Observed Arm = "observed"
)

// Record is one line of a file: a Run, a Trial, a Search, a Profile, a Verdict, a Skip,
// a Resume or an End, or a pointer to one.
type Record interface {
	// seal returns a copy that is ready to be encoded: with its kind, and with empty
	// maps and slices in place of nil ones, which JSON would spell null.
	seal() any
	// check refuses numbers that JSON cannot hold or that cannot be: see sound.
	check() error
	fmt.Stringer
}

// Sealed is r as Write puts it into a file: with its kind, and with empty maps and
// slices in place of nil ones.
func Sealed[R Run | Trial | Search | Profile | Verdict | Skip | Resume | End](r R) R {
	return any(r).(Record).seal().(R)
}

func fillMap[M ~map[K]V, K comparable, V any](m *M) {
	if *m == nil {
		*m = M{}
	}
}

func fillSlice[S ~[]E, E any](s *S) {
	if *s == nil {
		*s = S{}
	}
}
