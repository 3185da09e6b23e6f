package finding

import (
	"embed"
	"maps"
	"math"
	"slices"
	"strings"

	"tunbench/reports/axis"
	"tunbench/reports/figure"
	"tunbench/reports/prose"
	"tunbench/reports/text"
)

//go:embed *.txt
var files embed.FS

// book has the sentences of findings.
var book = prose.Must(prose.Read(files, "*.txt", text.Words))

// Said says what a run found, and how many ratios the findings were chosen from.
func Said(list []*figure.Scenario) (found []prose.Prose, of int) {
	chosen, of := Of(list)
	for _, f := range chosen {
		found = append(found, f.Sentence())
	}
	return found, of
}

// None says why a report has no findings.
func None(list []*figure.Scenario) prose.Prose {
	fewest := math.MaxInt
	for _, s := range list {
		fewest = min(fewest, len(s.Head().Used))
	}
	pairs, unlike := 0, 0
	for _, d := range respects() {
		for _, g := range d.Groups(list) {
			for _, s := range g.Scenarios[1:] {
				if d.compares(s, g.Base()) {
					pairs++
				}
				if d.compares(s, g.Base()) && d.Name != programs.Name && !Alike(d.Difference, s, g.Base()) {
					unlike++
				}
			}
		}
	}
	return book.Say("none", prose.Values{"Of": len(Compared(list)), "Groups": pairs, "Unlike": unlike == pairs, "Other": others(list), "Trials": fewest, "Fewest": figure.Fewest})
}

// others are the axes that no difference is about, and in which alone two scenarios of list
// differ.
func others(list []*figure.Scenario) (names []prose.Piece) {
	byHost := map[string][]string{}
	for _, s := range list {
		byHost[s.Where] = append(byHost[s.Where], s.Name)
	}
	for _, name := range axis.Alone(slices.Collect(maps.Values(byHost))...) {
		about := func(d figure.Difference) bool { return slices.Contains(d.Axes, name) }
		if !slices.ContainsFunc(respects(), func(r respect) bool { return about(r.Difference) }) && !slices.ContainsFunc(figure.Differences, about) {
			names = append(names, prose.Mono(name))
		}
	}
	return names
}

// capital begins p with a capital letter, unless it begins with code.
func capital(p prose.Prose) prose.Prose {
	if len(p) == 0 || p[0].Look == prose.Code || p[0].Text == "" {
		return p
	}
	p = slices.Clone(p)
	first, rest := p[0].Text[:1], p[0].Text[1:]
	if strings.HasPrefix(p[0].Text, "io_uring") || strings.HasPrefix(p[0].Text, "wireguard-go") || strings.HasPrefix(p[0].Text, "vhost-net") {
		return p // names, spelled as they are
	}
	p[0].Text = strings.ToUpper(first) + rest
	return p
}
