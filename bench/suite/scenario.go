package suite

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"tunbench/reports/record"
)

// Scenario is one value on every axis, and how long it is measured.
type Scenario struct {
	Name string
	// Axes holds the canonical value of every axis, defaults included.
	Axes map[string]string
	Timing
	// Require are the limits that the suite sets for the scenario, in the order of the
	// file.
	Require []record.Limit
}

// Timing is how long each trial of a scenario takes.
type Timing struct {
	Warmup  time.Duration // traffic flows, nothing is measured
	Measure time.Duration // measured time, MinMeasure at least
	Window  time.Duration // slice of the measured time
}

// DefaultTiming is the timing of a scenario for which nothing else is asked.
var DefaultTiming = Timing{Warmup: 250 * time.Millisecond, Measure: time.Second, Window: 40 * time.Millisecond}

// MinMeasure is the least Timing.Measure.
const MinMeasure = 100 * time.Millisecond

// Check returns an error, which names the scenario, if no device can be what the scenario
// asks for.
type Check func(Scenario) error

// New builds a scenario from values; an axis that is left out has its default.
// The error names the axis or value that does not exist. Whether the values are
// possible together is for a Check to say.
func New(values map[string]string) (Scenario, error) {
	for name := range values {
		if _, err := FindAxis(name); err != nil {
			return Scenario{}, err
		}
	}
	full := make(map[string]string, len(axes))
	for _, a := range axes {
		value, given := values[a.Name]
		if !given {
			value = a.Default
		}
		value, err := a.Parse(value)
		if err != nil {
			return Scenario{}, err
		}
		full[a.Name] = value
	}
	return Scenario{Name: nameOf(full), Axes: full, Timing: DefaultTiming}, nil
}

// ParseName reads a scenario's name. Names identify scenarios across runs, so
// each scenario has exactly one: another spelling of it is an error that gives
// the right one.
func ParseName(s string) (Scenario, error) {
	parts := strings.Split(s, "/")
	values := make(map[string]string)
	switch parts[0] {
	case "Tun":
		values["mode"] = "tun"
	case "Tap":
		values["mode"] = "tap"
	default:
		return Scenario{}, fmt.Errorf("name %q: begins with %q: a scenario's name begins with Tun or Tap", s, parts[0])
	}
	for _, part := range parts[1:] {
		a, value, err := ParseAssignment(part)
		if err != nil {
			return Scenario{}, fmt.Errorf("name %q: %w", s, err)
		}
		if _, twice := values[a.Name]; twice {
			return Scenario{}, fmt.Errorf("name %q: axis %s is given twice", s, a.Name)
		}
		values[a.Name] = value
	}
	scenario, err := New(values)
	if err != nil {
		return Scenario{}, fmt.Errorf("name %q: %w", s, err)
	}
	if scenario.Name != s {
		return Scenario{}, fmt.Errorf("name %q: is spelled %s", s, scenario.Name)
	}
	return scenario, nil
}

// nameOf spells full, which holds every axis.
func nameOf(full map[string]string) string {
	var b strings.Builder
	for _, a := range axes {
		value := full[a.Name]
		switch {
		case a.Name == "mode":
			b.WriteString(strings.ToUpper(value[:1]) + value[1:])
		case a.named || value != a.Default:
			b.WriteString("/" + a.Name + "=" + value)
		}
	}
	return b.String()
}

// loadAxes are those that say how fast a scenario sends and reads.
var loadAxes = []string{"load", "spacing", "pause"}

// ClosedLoop returns the scenario of whose rate the load of s is a share: s in a closed
// loop, and with readers that do not pause. Scenarios that differ only in their load have
// the same closed loop.
func (s Scenario) ClosedLoop() Scenario {
	full := maps.Clone(s.Axes)
	for _, a := range axes {
		if slices.Contains(loadAxes, a.Name) {
			full[a.Name] = a.Default
		}
	}
	s.Name, s.Axes = nameOf(full), full
	return s
}

// entry is s as an entry of a suite file: the axes that its name has, and its limits.
func (s Scenario) entry() string {
	var parts []string
	for _, a := range axes {
		if value := s.Axes[a.Name]; a.Name == "mode" || a.named || value != a.Default {
			parts = append(parts, a.Name+": "+quoted(value))
		}
	}
	var limits []string
	for i, l := range s.Require {
		if i > 0 && s.Require[i-1].Metric == l.Metric {
			continue // it is in the list of the one before
		}
		written := strconv.Quote(l.Written)
		if i+1 < len(s.Require) && s.Require[i+1].Metric == l.Metric {
			written = "[" + written + ", " + strconv.Quote(s.Require[i+1].Written) + "]"
		}
		limits = append(limits, l.Metric+": "+written)
	}
	if len(limits) > 0 {
		parts = append(parts, requireKey+": {"+strings.Join(limits, ", ")+"}")
	}
	return "{" + strings.Join(parts, ", ") + "}"
}
