// Package style says how charts look: the colours of a file on light and on dark paper, and
// those that a page shares with the charts in it.
package style

import (
	"fmt"
	"os"
	"regexp"
	"strings"
)

// colours are those of the charts, and of a page around them. Blue and orange
// are those of Okabe and Ito, which colour-blind people tell apart.
var colours = []struct{ name, light, dark string }{
	{"ink", "#1f2328", "#e6edf3"}, {"muted", "#59636e", "#9198a1"},
	{"paper", "#fff", "#0d1117"}, {"edge", "#d0d7de", "#30363d"}, {"band", "#f3f5f7", "#161b22"},
	{"grid", "#d8dee4", "#30363d"}, {"minor", "#eceff2", "#1c2128"},
	{"a", "#0072b2", "#56b4e9"}, {"b", "#d55e00", "#e69f00"}, {"c", "#009e73", "#2bb58c"},
	{"d", "#cc79a7", "#d99bbd"}, {"e", "#56b4e9", "#2f7fb8"}, {"bd", "#b8860b", "#c9a227"},
	{"base", "#9aa4af", "#6e7681"},
}

// chartStyle says how the classes of a chart look, chartRepaint what changes
// where its colours do.
const (
	chartStyle = `text{font:12px system-ui,-apple-system,"Segoe UI",Helvetica,Arial,sans-serif;fill:$ink}
.title{font-size:15px;font-weight:600}
.muted{fill:$muted}.strong{font-weight:600}.source{font-size:10px;fill:$muted}
.bg{fill:$paper;stroke:$edge}.band{fill:$band}
.grid{stroke:$grid}.minor{stroke:$minor}.axis{stroke:$muted}
.a{fill:$a}.as{stroke:$a}.b{fill:$b}.bs{stroke:$b}
.c{fill:$c}.cs{stroke:$c}.d{fill:$d}.ds{stroke:$d}.e{fill:$e}.es{stroke:$e}.bd{fill:$bd}
.base{fill:$base}.bases{stroke:$base}
.halo{paint-order:stroke;stroke:$paper;stroke-width:3px}
.hollow{fill:$paper}.range{stroke:$ink}.fair{stroke:$muted}
`
	chartRepaint = `text{fill:$ink}
.muted{fill:$muted}.source{fill:$muted}
.bg{fill:$paper;stroke:$edge}.band{fill:$band}
.grid{stroke:$grid}.minor{stroke:$minor}.axis{stroke:$muted}
.a{fill:$a}.as{stroke:$a}.b{fill:$b}.bs{stroke:$b}
.c{fill:$c}.cs{stroke:$c}.d{fill:$d}.ds{stroke:$d}.e{fill:$e}.es{stroke:$e}.bd{fill:$bd}
.base{fill:$base}.bases{stroke:$base}
.halo{stroke:$paper}
.hollow{fill:$paper}.range{stroke:$ink}.fair{stroke:$muted}
`
)

// File is the style of a file. An .svg that a page embeds follows the reader's
// colour scheme, not the page's, so the background is part of the chart.
var File = func() string {
	light, dark := map[string]string{}, map[string]string{}
	for _, c := range colours {
		light[c.name], dark[c.name] = c.light, c.dark
	}
	return os.Expand(chartStyle, func(name string) string { return light[name] }) +
		"@media (prefers-color-scheme:dark){\n" + os.Expand(chartRepaint, func(name string) string { return dark[name] }) + "}\n"
}()

// Colours declares the colours for a page, which says by color-scheme
// which of the two are meant.
func Colours() string {
	var b strings.Builder
	b.WriteString(":root{")
	for _, c := range colours {
		fmt.Fprintf(&b, "--%s:light-dark(%s,%s);", c.name, c.light, c.dark)
	}
	b.WriteString("}\n")
	return b.String()
}

// Rules is the style of the charts in a page that has Colours.
func Rules() string {
	rules := os.Expand(chartStyle, func(name string) string { return "var(--" + name + ")" })
	return cssRule.ReplaceAllString(rules, ".chart $0")
}

var cssRule = regexp.MustCompile(`[^{}\s][^{}]*\{[^}]*\}`)
