// Package setup maps a scenario, which is text, to the Spec that a harness
// measures. It is the only package that knows both.
package setup

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"tunbench/bench/suite"
	"tunbench/harness/spec"
)

// setters write the canonical value of each axis into a Spec.
var setters = map[string]func(s *spec.Spec, value string){
	"mode":    func(s *spec.Spec, v string) { s.Mode = spec.Mode(v) },
	"path":    func(s *spec.Spec, v string) { s.Path = spec.Path(v) },
	"dir":     func(s *spec.Spec, v string) { s.Dir = spec.Dir(v) },
	"gen":     func(s *spec.Spec, v string) { s.Gen = spec.Gen(v) },
	"io":      func(s *spec.Spec, v string) { s.IO = spec.IO(v) },
	"queues":  func(s *spec.Spec, v string) { s.Queues = number(v) },
	"flows":   func(s *spec.Spec, v string) { s.Flows = number(v) },
	"size":    setSize,
	"vnet":    func(s *spec.Spec, v string) { s.VnetHdr = number(v) },
	"offload": func(s *spec.Spec, v string) { s.Offload = spec.Offload(v) },
	"pi":      func(s *spec.Spec, v string) { s.PI = v == "on" },
	"napi":    func(s *spec.Spec, v string) { s.NAPI = spec.NAPI(v) },
	"xdp":     func(s *spec.Spec, v string) { s.XDP = spec.XDP(v) },
	"steer":   func(s *spec.Spec, v string) { s.Steer = spec.Steer(v) },
	"qdisc":   func(s *spec.Spec, v string) { s.Qdisc = v },
	"txqlen":  func(s *spec.Spec, v string) { s.TxQLen = number(v) },
	"sndbuf":  func(s *spec.Spec, v string) { s.SndBuf = number(v) },
	"load":    setLoad,
	"cipher":  func(s *spec.Spec, v string) { s.Cipher = spec.Cipher(v) },
	"ip":      func(s *spec.Spec, v string) { s.Family = number(v) },
	"bypass":  func(s *spec.Spec, v string) { s.Bypass = v == "on" },
	"spacing": func(s *spec.Spec, v string) { s.Poisson = v == "poisson" },
	"pause":   setPause,
	"filter":  setFilter,
	"event":   func(s *spec.Spec, v string) { s.Event = spec.Event(v) },
	"senders": func(s *spec.Spec, v string) { s.Senders = number(v) },
	"tail":    func(s *spec.Spec, v string) { s.Tail = spec.Tail(v) },
	"delay":   func(s *spec.Spec, v string) { s.Delay = measure(v, "ms", time.Millisecond) },
	"drop":    func(s *spec.Spec, v string) { s.Drop = share(v) },
	"reorder": func(s *spec.Spec, v string) { s.Reorder = share(v) },
	"probe":   func(s *spec.Spec, v string) { s.Probe = v == "on" },
	"program": setProgram,
	"bridge":  func(s *spec.Spec, v string) { s.Bridge = v == "on" },
	"module":  func(s *spec.Spec, v string) { s.Module = v },
	"payload": func(s *spec.Spec, v string) { s.Payload = spec.Payload(v) },
	"copy":    func(*spec.Spec, string) {}, // copies are measured alike

	"backpressure": func(s *spec.Spec, v string) { s.Backpressure = v == "on" },
}

func setSize(s *spec.Spec, value string) {
	s.Size = spec.SizeIMIX
	if value != "imix" {
		s.Size = number(value)
	}
}

func setLoad(s *spec.Spec, value string) {
	if n, ok := strings.CutSuffix(value, "pct"); ok {
		s.Share = float64(number(n)) / 100
	} else {
		s.Rate = float64(number(strings.TrimSuffix(value, "pps")))
	}
}

func setProgram(s *spec.Spec, value string) {
	if value != "none" {
		s.Program = value
	}
}

func setFilter(s *spec.Spec, value string) {
	s.Filter = value != "off"
	s.FilterTime = measure(value, "ns", time.Nanosecond)
}

// share is what a number of hundredths spells; 0 for a word.
func share(canonical string) float64 {
	return float64(number(strings.TrimSuffix(canonical, "pct"))) / 100
}

// number is the integer that a canonical value spells; words such as `off`,
// `max` and `auto` stand for 0, which leaves alone whatever field of a Spec they set.
func number(canonical string) int {
	n, err := strconv.Atoi(canonical)
	if err != nil {
		return 0
	}
	return n
}

// measure is the time that a canonical value spells, and 0 for a word.
func setPause(s *spec.Spec, v string) {
	length, queue, one := strings.Cut(v, "@")
	s.Pause, s.PausedQueue = measure(length, "ms", time.Millisecond), spec.AllQueues
	if one {
		s.PausedQueue = number(queue)
	}
}

func measure(canonical, suffix string, unit time.Duration) time.Duration {
	return time.Duration(number(strings.TrimSuffix(canonical, suffix))) * unit
}

// Spec returns what s asks of the harness: what its axes and its timing say, and
// else the default of the harness. Whether that is possible is for Validate to say.
func Spec(s suite.Scenario) spec.Spec {
	spec := spec.Default()
	for name, value := range s.Axes {
		setters[name](&spec, value)
	}
	spec.Warmup, spec.Measure, spec.Window = s.Warmup, s.Measure, s.Window
	return spec
}

// Check returns why the values of a scenario are impossible together, whatever
// its timing. It is a suite.Check.
func Check(s suite.Scenario) error {
	s.Timing = suite.DefaultTiming
	if err := Spec(s).Validate(); err != nil {
		return fmt.Errorf("%s: %w", s.Name, err)
	}
	return nil
}

// New builds a scenario from values, as suite.New does, and checks it.
func New(values map[string]string) (suite.Scenario, error) {
	s, err := suite.New(values)
	if err != nil {
		return suite.Scenario{}, err
	}
	if err := Check(s); err != nil {
		return suite.Scenario{}, err
	}
	return s, nil
}
