package raster

import (
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"math"
	"strings"

	"golang.org/x/image/font"
	"golang.org/x/image/font/opentype"
	"golang.org/x/image/math/fixed"
	"golang.org/x/image/vector"
)

// painter draws elements.
type painter struct {
	img    *image.RGBA
	style  sheet
	scale  float64 // pixels of a unit
	dx, dy float64 // pixels left of and above the file
	fonts  faces
}

// fit chooses the scale for a file of the size of e.
func (p *painter) fit(e *element) {
	w, h := e.number("width"), e.number("height")
	if w <= 0 || h <= 0 {
		return
	}
	size := p.img.Bounds().Size()
	p.scale = min(float64(size.X)/w, float64(size.Y)/h)
	p.dx, p.dy = (float64(size.X)-w*p.scale)/2, (float64(size.Y)-h*p.scale)/2
}

// element draws e, which has ended.
func (p *painter) element(e *element) error {
	if e.name == "style" {
		p.style = parse(e.text)
		draw.Draw(p.img, p.img.Bounds(), image.NewUniform(p.style.paper()), image.Point{}, draw.Src)
		return nil
	}
	l := p.style.look(e)
	switch e.name {
	case "rect":
		if strings.Contains(" "+e.attr["class"]+" ", " bg ") {
			return nil // the paper is that of the whole image
		}
		p.rect(e, l)
	case "line":
		p.stroke([][2]float64{{e.number("x1"), e.number("y1")}, {e.number("x2"), e.number("y2")}}, l)
	case "circle":
		p.circle(e.number("cx"), e.number("cy"), e.number("r"), l)
	case "path", "polyline":
		points, err := pointsOf(e)
		if err != nil {
			return err
		}
		if e.name == "path" {
			p.fill(points, l.fill)
			return nil
		}
		p.stroke(points, l)
	case "text":
		return p.text(e, l)
	case "svg", "g", "title", "desc":
	default:
		return fmt.Errorf("draw svg: no rule for <%s>", e.name)
	}
	return nil
}

// place turns units of the file into pixels.
func (p *painter) place(q [2]float64) [2]float64 {
	return [2]float64{p.dx + q[0]*p.scale, p.dy + q[1]*p.scale}
}

// fill fills polygons, given in units of the file. Where one lies in another and runs the
// other way round, it is a hole.
func (p *painter) fill(polygon [][2]float64, c color.NRGBA) { p.fillAll([][][2]float64{polygon}, c) }

func (p *painter) fillAll(polygons [][][2]float64, c color.NRGBA) {
	if transparent(c) {
		return
	}
	low, high := [2]float64{math.Inf(1), math.Inf(1)}, [2]float64{math.Inf(-1), math.Inf(-1)}
	for _, polygon := range polygons {
		for _, q := range polygon {
			q = p.place(q)
			for i := range q {
				low[i], high[i] = min(low[i], q[i]), max(high[i], q[i])
			}
		}
	}
	box := image.Rect(int(math.Floor(low[0])), int(math.Floor(low[1])), int(math.Ceil(high[0]))+1, int(math.Ceil(high[1]))+1).Intersect(p.img.Bounds())
	if box.Empty() {
		return
	}
	z := vector.NewRasterizer(box.Dx(), box.Dy())
	for _, polygon := range polygons {
		for i, q := range polygon {
			q = p.place(q)
			x, y := float32(q[0]-float64(box.Min.X)), float32(q[1]-float64(box.Min.Y))
			if i == 0 {
				z.MoveTo(x, y)
			} else {
				z.LineTo(x, y)
			}
		}
		z.ClosePath()
	}
	z.DrawOp = draw.Over
	z.Draw(p.img, box, image.NewUniform(c), image.Point{})
}

// rect draws a rectangle, its outline dashed if l says so.
func (p *painter) rect(e *element, l look) {
	x, y, w, h := e.number("x"), e.number("y"), e.number("width"), e.number("height")
	corners := rounded(x, y, w, h, min(e.number("rx"), w/2, h/2))
	p.fill(corners, l.fill)
	if !transparent(l.stroke) {
		p.stroke(append(corners, corners[0]), l)
	}
}

func (p *painter) circle(x, y, r float64, l look) {
	p.fill(disc(x, y, r, false), l.fill)
	if !transparent(l.stroke) {
		p.fillAll([][][2]float64{disc(x, y, r+l.width/2, false), disc(x, y, max(r-l.width/2, 0), true)}, l.stroke)
	}
}

// stroke draws a line through points, which has the width and the dashes of l.
func (p *painter) stroke(points [][2]float64, l look) {
	if transparent(l.stroke) || l.width <= 0 {
		return
	}
	var parts [][][2]float64
	if l.dashes == nil && len(points) > 2 { // round joints
		for _, q := range points[1 : len(points)-1] {
			parts = append(parts, disc(q[0], q[1], l.width/2, false))
		}
	}
	at := 0.0 // along the dashes
	for i := 1; i < len(points); i++ {
		a, b := points[i-1], points[i]
		length := math.Hypot(b[0]-a[0], b[1]-a[1])
		if length == 0 {
			continue
		}
		dir := [2]float64{(b[0] - a[0]) / length, (b[1] - a[1]) / length}
		for _, s := range dashed(length, at, l.dashes) {
			parts = append(parts, bar(a, dir, s[0], s[1], l.width/2))
		}
		at += length
	}
	p.fillAll(parts, l.stroke)
}

func (p *painter) face(bold bool, size float64) (font.Face, error) {
	key := faceKey{bold, size}
	if f, ok := p.fonts[key]; ok {
		return f, nil
	}
	fonts, err := fontFiles()
	if err != nil {
		return nil, err
	}
	of := fonts[0]
	if bold {
		of = fonts[1]
	}
	f, err := opentype.NewFace(of, &opentype.FaceOptions{Size: size, DPI: 72, Hinting: font.HintingNone})
	if err != nil {
		return nil, fmt.Errorf("read font: %w", err)
	}
	if p.fonts == nil {
		p.fonts = faces{}
	}
	p.fonts[key] = f
	return f, nil
}

// text writes e. A stroke lies around its letters, behind them.
func (p *painter) text(e *element, l look) error {
	face, err := p.face(l.bold, l.size*p.scale)
	if err != nil {
		return err
	}
	at := p.place([2]float64{e.number("x"), e.number("y")})
	wide := float64(font.MeasureString(face, e.text)) / 64
	switch e.attr["text-anchor"] {
	case "middle":
		at[0] -= wide / 2
	case "end":
		at[0] -= wide
	}
	write := func(dx, dy float64, c color.NRGBA) {
		d := font.Drawer{Dst: p.img, Src: image.NewUniform(c), Face: face, Dot: fixed.Point26_6{X: fixed.Int26_6((at[0] + dx) * 64), Y: fixed.Int26_6((at[1] + dy) * 64)}}
		d.DrawString(e.text)
	}
	if !transparent(l.stroke) {
		const around = 12
		for i := range around {
			a := 2 * math.Pi * float64(i) / around
			write(l.width/2*p.scale*math.Cos(a), l.width/2*p.scale*math.Sin(a), l.stroke)
		}
	}
	write(0, 0, l.fill)
	return nil
}
