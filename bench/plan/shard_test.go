package plan

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/bench/setup"
	"tunbench/bench/suite"
	"tunbench/reports/record"
)

func TestParseShard(t *testing.T) {
	for _, test := range []struct {
		in   string
		want Shard
		err  string
	}{
		{"", Shard{}, ""},
		{"1/1", Shard{1, 1}, ""},
		{"3/3", Shard{3, 3}, ""},
		{"0/3", Shard{}, `"0/3": there is no shard 0: choose 1/3 to 3/3 (where a scheduler counts from 0, add 1)`},
		{"4/3", Shard{}, "there is no shard 4"},
		{"-1/3", Shard{}, "there is no shard -1"},
		{"1/0", Shard{}, "choose 1 to 4096 shards"},
		{"1/4097", Shard{}, "choose 1 to 4096 shards"},
		{"2", Shard{}, "write it like 2/3"},
		{"a/b", Shard{}, "write it like 2/3"},
		{"1/3/5", Shard{}, "write it like 2/3"},
	} {
		got, err := ParseShard(test.in)
		if (err == nil) != (test.err == "") || err != nil && !strings.Contains(err.Error(), test.err) || got != test.want {
			t.Errorf("%q: %v, %v, want %v, %q", test.in, got, err, test.want, test.err)
		}
	}
}

func names(list []suite.Scenario) (names []string) {
	for _, s := range list {
		names = append(names, s.Name)
	}
	return names
}

// The shares of each suite are the suite, without gaps and overlaps, and each
// family is on one host.
func TestSplit(t *testing.T) {
	for _, name := range suite.Names() {
		s, err := suite.Load(name, setup.Check)
		if err != nil {
			t.Fatal(err)
		}
		whole := Plan{Suite: s.Name, Scenarios: s.Scenarios, Pairs: s.Pairs, Seed: 9}
		for _, n := range []int{1, 2, 3, 7, 100} {
			var got []string
			home := map[string]int{}
			plan, seed := "", uint64(0)
			for i := 1; i <= n; i++ {
				p := Shard{i, n}.Split(whole, false)
				if plan == "" {
					plan, seed = p.Shard.Plan, p.Seed
				}
				if p.Shard.Plan != plan || p.Seed != seed || p.Shard.Scenarios != len(s.Scenarios) || p.Shard.Index != i || p.Shard.Of != n {
					t.Errorf("%s %d/%d: header %+v, seed %d", name, i, n, p.Shard, p.Seed)
				}
				for _, sc := range p.Scenarios {
					if other, ok := home[sc.ClosedLoop().Name]; ok && other != i {
						t.Errorf("%s: %s is in shards %d and %d", name, sc.ClosedLoop().Name, other, i)
					}
					home[sc.ClosedLoop().Name] = i
				}
				got = append(got, names(p.Scenarios)...)
			}
			want := names(s.Scenarios)
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s in %d shards (-suite +shards):\n%s", name, n, diff)
			}
		}
		// Without its first scenario all others stay where they were.
		fewer := whole
		fewer.Scenarios = s.Scenarios[1:]
		for i := 1; i <= 3; i++ {
			was := slices.DeleteFunc(names(Shard{i, 3}.Split(whole, false).Scenarios), func(n string) bool { return n == s.Scenarios[0].Name })
			if diff := cmp.Diff(was, names(Shard{i, 3}.Split(fewer, false).Scenarios)); len(was) > 0 && diff != "" {
				t.Errorf("%s: shard %d/3 changed:\n%s", name, i, diff)
			}
		}
	}
}

// A share of what the closed loop reaches needs that on its host.
func TestSplitKeepsLoadsTogether(t *testing.T) {
	var list []suite.Scenario
	for _, queues := range []string{"1", "2", "4", "8"} {
		for _, load := range []string{"max", "50pct", "10000pps"} {
			s, err := setup.New(map[string]string{"queues": queues, "load": load})
			if err != nil {
				t.Fatal(err)
			}
			list = append(list, s)
		}
	}
	used := 0
	for i := 1; i <= 5; i++ {
		p := Shard{i, 5}.Split(Plan{Scenarios: list}, false)
		if len(p.Scenarios)%3 != 0 {
			t.Errorf("shard %d has %v", i, names(p.Scenarios))
		}
		if len(p.Scenarios) > 0 {
			used++
		}
	}
	if used < 2 {
		t.Errorf("all families are in %d shard", used)
	}
}

// What the shares of a plan must have in common is in its digest, and what the
// hosts may choose is not.
func TestSplitDigest(t *testing.T) {
	s, err := setup.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	base := Plan{Suite: "s", Scenarios: []suite.Scenario{s}, Pairs: 3, Arms: []record.Arm{record.Bare}, Hook: "auto"}
	of := func(change func(*Plan)) string {
		p := base
		p.Scenarios = slices.Clone(base.Scenarios)
		change(&p)
		return Shard{1, 2}.Split(p, true).Shard.Plan
	}
	same := of(func(*Plan) {})
	for name, change := range map[string]func(*Plan){
		"suite":    func(p *Plan) { p.Suite = "t" },
		"pairs":    func(p *Plan) { p.Pairs++ },
		"arms":     func(p *Plan) { p.Arms = nil },
		"hook":     func(p *Plan) { p.Hook = "kprobe" },
		"clock":    func(p *Plan) { p.Clock = record.ClockICount },
		"measure":  func(p *Plan) { p.Scenarios[0].Measure++ },
		"scenario": func(p *Plan) { p.Scenarios[0].Name += "/x" },
	} {
		if of(change) == same {
			t.Errorf("another %s: the same plan", name)
		}
	}
	for name, change := range map[string]func(*Plan){
		"CPUs": func(p *Plan) { p.CPUs = []int{1} },
		"seed": func(p *Plan) { p.Seed = 5 },
		"args": func(p *Plan) { p.Args = []string{"--out", "x"} },
	} {
		if of(change) != same {
			t.Errorf("other %s: another plan", name)
		}
	}
	if p := (Shard{1, 2}).Split(base, true); p.Seed != base.Seed {
		t.Errorf("a seed that was given became %d", p.Seed)
	}
	if p := (Shard{}).Split(base, false); p.Shard != nil || len(p.Scenarios) != 1 {
		t.Errorf("the whole plan: %+v", p)
	}
}
