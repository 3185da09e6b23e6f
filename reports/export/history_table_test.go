package export

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"tunbench/reports/series"
)

var historyTable = flag.Bool("history-table", false, "print which share of steps, drifts and mixtures a check reports, with -history-seeds seeds a cell")

// outcomes counts what a check of the last run said, over many histories.
type outcomes struct{ regressed, short, quiet int }

// simulate checks one history for each seed.
func simulate(t *testing.T, seeds uint64, runs func(seed uint64) []series.StoredRun) (o outcomes) {
	t.Helper()
	for seed := range seeds {
		switch c := checkOf(t, runs(seed), series.Options{}); {
		case c.Regressed():
			o.regressed++
		case len(c.Short) > 0:
			o.short++
		default:
			o.quiet++
		}
	}
	return o
}

// hosts are two levels, of which each run has one by chance.
func hosts(seed uint64, low float64) func(int) float64 {
	random := rand.New(rand.NewPCG(seed, 17))
	return func(int) float64 {
		if random.IntN(2) == 0 {
			return low
		}
		return 1
	}
}

// stepSides are the runs before and after a step in the tables.
var stepSides = []int{4, 6, 8, 10, 12, 16, 20}

// stepRow is a row of the table of the steps of one size at one noise: of each cell,
// how many histories of a hundred regressed, are too short to tell, and neither.
func stepRow(t *testing.T, seeds uint64, before int, size, noise float64) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %d |", before)
	for _, after := range stepSides {
		o := simulate(t, seeds, func(seed uint64) []series.StoredRun {
			return over(1000*seed+uint64(100*before+after), before+after, noise, stepFrom(before, 1-size), nil)
		})
		share := func(n int) float64 { return 100 * float64(n) / float64(seeds) }
		fmt.Fprintf(&b, " %.0f / %.0f / %.0f |", share(o.regressed), share(o.short), share(o.quiet))
	}
	return b.String()
}

// The shares that a check finds, to be read: -run 'TestHistoryTable/step_20' prints
// a part of them, -run 'TestHistoryTable/step_20/before_8$' a row.
func TestHistoryTable(t *testing.T) {
	if !*historyTable {
		t.Skip("it takes minutes: go test ./reports/export -run TestHistoryTable -history-table -history-seeds 200 -v")
	}
	seeds := *historySeeds
	noises := []float64{0.004, 0.01, 0.03}
	for _, noise := range noises[1:] {
		for _, size := range []float64{0.05, 0.10, 0.20} {
			t.Run(fmt.Sprintf("step %.0f %% noise %.0f %%", 100*size, 100*noise), func(t *testing.T) {
				t.Logf("\n| before \\ after | %s |", strings.Trim(fmt.Sprint(stepSides), "[]"))
				for _, before := range stepSides {
					t.Run(fmt.Sprintf("before %d", before), func(t *testing.T) {
						t.Parallel()
						t.Log("\n" + stepRow(t, seeds, before, size, noise))
					})
				}
			})
		}
	}
	table := func(name string, row func(line func(name string, o outcomes))) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			b.WriteString("\n| history | regressed | too short to tell | neither |\n|---|---|---|---|\n")
			row(func(name string, o outcomes) {
				fmt.Fprintf(&b, "| %s | %d | %d | %d |\n", name, o.regressed, o.short, o.quiet)
			})
			t.Log(b.String())
		})
	}
	lengths := []int{10, 20, 40, 60, 100}
	table("no step", func(line func(string, outcomes)) {
		for _, noise := range noises {
			for _, n := range lengths {
				line(fmt.Sprintf("%d runs, noise %.1f %%", n, 100*noise), simulate(t, seeds, func(seed uint64) []series.StoredRun { return over(7_000_000+seed, n, noise, flatLevel, nil) }))
			}
		}
	})
	table("two hosts", func(line func(string, outcomes)) {
		for _, noise := range noises {
			for _, n := range lengths {
				line(fmt.Sprintf("%d runs, noise %.1f %%", n, 100*noise), simulate(t, seeds, func(seed uint64) []series.StoredRun { return over(8_000_000+seed, n, noise, hosts(seed, 0.86), nil) }))
			}
		}
	})
	table("drift", func(line func(string, outcomes)) {
		for _, noise := range noises {
			for _, release := range []int{-1, 0, 4, 9} {
				line(fmt.Sprintf("40 runs after release at %d, noise %.1f %%", release, 100*noise), simulate(t, seeds, func(seed uint64) []series.StoredRun { return drifting(9_000_000+seed, 40, release, noise) }))
			}
		}
	})
	table("8 good", func(line func(string, outcomes)) {
		for _, noise := range noises {
			for k := 1; k <= 8; k++ {
				line(fmt.Sprintf("%d worse by 20 %%, noise %.1f %%", k, 100*noise), simulate(t, seeds, func(seed uint64) []series.StoredRun { return over(6_000_000+seed, 8+k, noise, stepFrom(8, 0.8), nil) }))
			}
		}
	})
}

func flatLevel(int) float64 { return 1 }

// drifting loses 0.2 % in each of n runs after a release, or from the first run on if
// there is none (-1).
func drifting(seed uint64, n, release int, noise float64) []series.StoredRun {
	runs := over(seed, max(0, release)+n, noise, func(i int) float64 { return 1 - 0.002*float64(max(0, i-max(0, release))) }, nil)
	if release >= 0 {
		runs[release].Release = "v1"
	}
	return runs
}
