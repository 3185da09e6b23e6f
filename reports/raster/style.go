package raster

import (
	"image/color"
	"regexp"
	"strconv"
	"strings"
)

// sheet is a style sheet: the declarations of each class, and of "text" for all texts, in
// the order in which they stand.
type sheet []rule

type rule struct {
	name         string // of the class, or of the element
	declarations map[string]string
}

// look is how an element is drawn.
type look struct {
	fill, stroke color.NRGBA // transparent if there is none
	width        float64     // of the stroke
	dashes       []float64   // lengths of strokes and gaps; nil if it has none
	size         float64     // of letters
	bold         bool
}

var (
	ruleText = regexp.MustCompile(`([.\w]+)\{([^{}]*)\}`)
	pixels   = regexp.MustCompile(`([0-9.]+)px`)
)

// parse reads the rules for light paper, which stand first.
func parse(css string) (s sheet) {
	light, _, _ := strings.Cut(css, "@media")
	for _, m := range ruleText.FindAllStringSubmatch(light, -1) {
		s = append(s, rule{strings.TrimPrefix(m[1], "."), declarations(m[2])})
	}
	return s
}

// declarations are the properties of a rule. The size of a font is its own.
func declarations(text string) map[string]string {
	list := map[string]string{}
	for _, d := range strings.Split(text, ";") {
		name, value, ok := strings.Cut(d, ":")
		if !ok {
			continue
		}
		if name = strings.TrimSpace(name); name == "font" {
			name = "font-size"
			value = pixels.FindString(value)
		}
		list[name] = strings.TrimSpace(value)
	}
	return list
}

// paper is the colour behind a chart.
func (s sheet) paper() color.NRGBA {
	for _, r := range s {
		if r.name == "bg" {
			return colour(r.declarations["fill"], "")
		}
	}
	return color.NRGBA{255, 255, 255, 255}
}

// look applies the rules of the classes of e, then its own attributes.
func (s sheet) look(e *element) look {
	classes := " " + e.attr["class"] + " "
	all := map[string]string{}
	for _, r := range s {
		if r.name == e.name || strings.Contains(classes, " "+r.name+" ") {
			for name, value := range r.declarations {
				all[name] = value
			}
		}
	}
	for _, name := range []string{"fill", "stroke", "stroke-width", "stroke-dasharray", "fill-opacity", "stroke-opacity"} {
		if v, ok := e.attr[name]; ok {
			// A rule comes before an attribute, but for what no rule sets here.
			if _, set := all[name]; !set {
				all[name] = v
			}
		}
	}
	for name, value := range declarations(e.attr["style"]) {
		all[name] = value
	}
	l := look{fill: colour(all["fill"], all["fill-opacity"]), stroke: colour(all["stroke"], all["stroke-opacity"]), width: 1, size: 12}
	if v, err := strconv.ParseFloat(strings.TrimSuffix(all["stroke-width"], "px"), 64); err == nil {
		l.width = v
	}
	if v, err := strconv.ParseFloat(strings.TrimSuffix(all["font-size"], "px"), 64); err == nil {
		l.size = v
	}
	l.bold = all["font-weight"] == "600"
	for _, d := range strings.Fields(all["stroke-dasharray"]) {
		if v, err := strconv.ParseFloat(d, 64); err == nil && v > 0 {
			l.dashes = append(l.dashes, v)
		}
	}
	if len(l.dashes)%2 != 0 {
		l.dashes = nil
	}
	return l
}

// colour reads #rgb and #rrggbb; anything else is transparent.
func colour(text, opacity string) color.NRGBA {
	digits := strings.TrimPrefix(text, "#")
	if len(digits) == 3 {
		digits = strings.Repeat(digits[:1], 2) + strings.Repeat(digits[1:2], 2) + strings.Repeat(digits[2:], 2)
	}
	v, err := strconv.ParseUint(digits, 16, 32)
	if err != nil || len(digits) != 6 {
		return color.NRGBA{}
	}
	alpha := 1.0
	if o, err := strconv.ParseFloat(opacity, 64); err == nil {
		alpha = min(max(o, 0), 1)
	}
	return color.NRGBA{uint8(v >> 16), uint8(v >> 8), uint8(v), uint8(255*alpha + 0.5)}
}
