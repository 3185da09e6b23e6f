package search

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Goal is what a search looks for: the highest load at which no more than a share of
// the trials loses more than LossRatio. RFC 9971, section 4.6, names
// and bounds its attributes.
type Goal struct {
	Name      string
	LossRatio float64 // Goal Loss Ratio: 0 up to but not 1
	// ExceedRatio is the share of the measured time that may lose more than
	// LossRatio at a lower bound: 0 up to but not 1.
	ExceedRatio float64
	// Width is how far apart the bounds may lie: (upper - lower) / upper, above
	// 0 and below 1. RFC 9971 recommends no less than the largest LossRatio.
	Width float64
	// Initial is the shortest trial, which only narrows down the range. Final is the
	// trial that counts, and Sum the total duration of those that decide about a load.
	Initial, Final, Sum time.Duration
}

// validate names the first attribute that is out of range.
func (g Goal) validate() error {
	switch {
	case !(g.LossRatio >= 0 && g.LossRatio < 1):
		return fmt.Errorf("goal %s: loss ratio %v: choose 0 up to but not 1", g.Name, g.LossRatio)
	case !(g.ExceedRatio >= 0 && g.ExceedRatio < 1):
		return fmt.Errorf("goal %s: exceed ratio %v: choose 0 up to but not 1", g.Name, g.ExceedRatio)
	case !(g.Width > 0 && g.Width < 1):
		return fmt.Errorf("goal %s: width %v: choose above 0 and below 1", g.Name, g.Width)
	case g.Initial <= 0 || g.Final < g.Initial || g.Sum < g.Final:
		return fmt.Errorf("goal %s: initial trial %v, final trial %v, duration sum %v: each must be above 0 and none shorter than the one before", g.Name, g.Initial, g.Final, g.Sum)
	}
	return nil
}

// Profile says how thorough a search is. Its goals differ only in the loss ratio, so
// that each trial counts for every goal.
type Profile struct {
	Name  string
	Sum   time.Duration // Goal Duration Sum
	Width float64       // Goal Width, relative
	Cap   time.Duration // of the whole search, including pauses between trials
}

const (
	initialTrial = 250 * time.Millisecond
	finalTrial   = time.Second
	exceedRatio  = 0.5
)

var profiles = []Profile{
	{Name: "quick", Sum: 5 * time.Second, Width: 0.02, Cap: time.Minute},
	{Name: "default", Sum: 11 * time.Second, Width: 0.01, Cap: 3 * time.Minute},
	{Name: "full", Sum: 21 * time.Second, Width: 0.005, Cap: 20 * time.Minute},
}

// ProfileNames lists the profiles, the fastest first.
func ProfileNames() (names []string) {
	for _, p := range profiles {
		names = append(names, p.Name)
	}
	return names
}

// ParseProfile finds a profile by its name; an empty name is the zero value, which
// is no search.
func ParseProfile(name string) (Profile, error) {
	if name == "" {
		return Profile{}, nil
	}
	i := slices.IndexFunc(profiles, func(p Profile) bool { return p.Name == name })
	if i < 0 {
		return Profile{}, fmt.Errorf("no search profile %q: choose %s", name, strings.Join(ProfileNames(), ", "))
	}
	return profiles[i], nil
}

// Typical is about how long a search takes: each goal decides about two loads or
// three, in half of the sum or more.
func (p Profile) Typical() time.Duration { return min(p.Cap, 5*p.Sum) }

// Goal is the goal of the profile for one loss ratio: final trials of 1 s, half of
// which may lose more.
func (p Profile) Goal(name string, lossRatio float64) Goal {
	return Goal{
		Name: name, LossRatio: lossRatio, ExceedRatio: exceedRatio, Width: p.Width,
		Initial: initialTrial, Final: finalTrial, Sum: p.Sum,
	}
}
