package bench

import (
	"fmt"
	"strings"

	"tunbench/harness/spec"
)

// Scenario is one value on every axis.
type Scenario struct {
	Name string
	// Axes holds the canonical value of every axis, defaults included.
	Axes map[string]string
	// Spec is what the axes stand for; the timing in it is harness.Default's
	// until a Suite or a Plan sets its own.
	Spec spec.Spec
}

// NewScenario builds a scenario from values; an axis that is left out has its
// default. The error names the axis or value that does not exist, or the
// scenario and the combination that is impossible.
func NewScenario(values map[string]string) (Scenario, error) {
	for name := range values {
		if _, err := axisNamed(name); err != nil {
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
	s := Scenario{Name: nameOf(full), Axes: full, Spec: specOf(full)}
	if err := s.Spec.Validate(); err != nil {
		return Scenario{}, fmt.Errorf("%s: %w", s.Name, err)
	}
	return s, nil
}

// ParseName reads a scenario's name. Names identify scenarios across runs, so
// each scenario has exactly one: another spelling of it is an error that
// tells the right one.
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
		a, value, err := parseAssignment(part)
		if err != nil {
			return Scenario{}, fmt.Errorf("name %q: %w", s, err)
		}
		if _, twice := values[a.Name]; twice {
			return Scenario{}, fmt.Errorf("name %q: axis %s is given twice", s, a.Name)
		}
		values[a.Name] = value
	}
	scenario, err := NewScenario(values)
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

// specOf is what full, which holds every axis, asks of the harness.
func specOf(full map[string]string) spec.Spec {
	s := spec.Default()
	for _, a := range axes {
		if a.set != nil {
			a.set(&s, full[a.Name])
		}
	}
	return s
}
