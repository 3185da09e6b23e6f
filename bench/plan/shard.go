package plan

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tunbench/bench/suite"
	"tunbench/reports/record"
)

// Shard is one of several shares of a plan, each of which is measured by one host; the
// zero value is the whole plan.
type Shard struct {
	Index int // from 1
	Of    int
}

// ParseShard reads a share such as `2/3`; an empty one is the whole plan.
func ParseShard(s string) (Shard, error) {
	if s == "" {
		return Shard{}, nil
	}
	index, of, ok := strings.Cut(s, "/")
	i, errI := strconv.Atoi(index)
	n, errN := strconv.Atoi(of)
	if !ok || errI != nil || errN != nil {
		return Shard{}, fmt.Errorf("%q is not a share of a plan: write it like 2/3", s)
	}
	if n < 1 || n > suite.MaxScenarios {
		return Shard{}, fmt.Errorf("%q: choose 1 to %d shards", s, suite.MaxScenarios)
	}
	if i < 1 || i > n {
		return Shard{}, fmt.Errorf("%q: there is no shard %d: choose 1/%d to %d/%d (where a scheduler counts from 0, add 1)", s, i, n, n, n)
	}
	return Shard{i, n}, nil
}

// has reports whether a scenario belongs to s. That depends only on the name of its
// closed loop: adding a scenario to the plan does not move others, and all loads of
// one device, which are shares of the rate of its closed loop, stay on one host.
func (s Shard) has(scenario suite.Scenario) bool {
	// A cryptographic sum spreads names that differ in few letters evenly.
	sum := sha256.Sum256([]byte(scenario.ClosedLoop().Name))
	return int(binary.BigEndian.Uint64(sum[:8])%uint64(s.Of)) == s.Index-1
}

// Split returns the share s of p, which may hold no scenario. The
// header of a share describes the whole plan. If seeded is false, the seed of p is
// replaced by one that follows from the plan, so that all shares use the same.
func (s Shard) Split(p Plan, seeded bool) Plan {
	if s.Of == 0 {
		return p
	}
	sum := digest(p)
	if !seeded {
		p.Seed = binary.BigEndian.Uint64(sum[:8])
	}
	p.Shard = &record.Shard{Index: s.Index, Of: s.Of, Scenarios: len(p.Scenarios), Plan: hex.EncodeToString(sum[:8])}
	p.Scenarios = slices.DeleteFunc(slices.Clone(p.Scenarios), func(sc suite.Scenario) bool { return !s.has(sc) })
	return p
}

// digest is a sum of everything that the shares of a plan must have in common: what is
// measured, and how.
func digest(p Plan) [sha256.Size]byte {
	type scenario struct {
		Name                    string
		Warmup, Measure, Window time.Duration
		Require                 []record.Limit `json:",omitempty"`
	}
	about := struct {
		Suite, Hook, Clock, Search string
		Pairs                      int
		Arms                       []record.Arm
		Scenarios                  []scenario
	}{Suite: p.Suite, Hook: p.Hook, Clock: p.clock(), Search: p.Search.Name, Pairs: p.Pairs, Arms: p.Arms}
	for _, s := range p.Scenarios {
		about.Scenarios = append(about.Scenarios, scenario{s.Name, s.Warmup, s.Measure, s.Window, s.Require})
	}
	slices.SortFunc(about.Scenarios, func(a, b scenario) int { return strings.Compare(a.Name, b.Name) })
	text, err := json.Marshal(about)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return sha256.Sum256(text)
}
