// Package raster draws the SVG files of charts as PNG images, for slides and for whatever
// shows no SVG. It knows what package chart writes, and needs no other program: the fonts
// are those of the Go project.
package raster

import (
	"bytes"
	"encoding/xml"
	"errors"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"strconv"
	"strings"
	"sync"
)

// Width and Height are the size of the images: a slide of 16:9.
const (
	Width  = 1920
	Height = 1080
)

// PNG writes svg as an image of Width by Height: as large as it fits, in the middle of
// paper of its own colour.
func PNG(w io.Writer, svg []byte) error {
	img := canvases.Get().(*image.RGBA)
	defer canvases.Put(img)
	clear(img.Pix)
	if err := paint(img, svg); err != nil {
		return err
	}
	enc := png.Encoder{CompressionLevel: png.BestSpeed, BufferPool: &encoders}
	if err := enc.Encode(w, img); err != nil {
		return fmt.Errorf("write png: %w", err)
	}
	return nil
}

// canvases and encoders are kept for the next image: a report has dozens, of 8 MB each.
var (
	canvases = sync.Pool{New: func() any { return image.NewRGBA(image.Rect(0, 0, Width, Height)) }}
	encoders encoderPool
)

// encoderPool is a png.EncoderBufferPool.
type encoderPool struct{ pool sync.Pool }

func (p *encoderPool) Get() *png.EncoderBuffer {
	b, _ := p.pool.Get().(*png.EncoderBuffer)
	return b
}

func (p *encoderPool) Put(b *png.EncoderBuffer) { p.pool.Put(b) }

// Image draws svg in an image of that size.
func Image(svg []byte, width, height int) (*image.RGBA, error) {
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	if err := paint(img, svg); err != nil {
		return nil, err
	}
	return img, nil
}

// paint draws svg in an image that is blank.
func paint(img *image.RGBA, svg []byte) error {
	p := &painter{img: img, style: sheet{}}
	dec := xml.NewDecoder(bytes.NewReader(svg))
	var open []*element
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return fmt.Errorf("draw svg: %w", err)
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			e := &element{name: tok.Name.Local, attr: map[string]string{}}
			for _, a := range tok.Attr {
				e.attr[a.Name.Local] = a.Value
			}
			open = append(open, e)
			if e.name == "svg" {
				p.fit(e)
			}
		case xml.CharData:
			if n := len(open); n > 0 {
				open[n-1].text += string(tok)
			}
		case xml.EndElement:
			e := open[len(open)-1]
			open = open[:len(open)-1]
			if err := p.element(e); err != nil {
				return err
			}
		}
	}
	if p.scale == 0 {
		return errors.New("draw svg: it has no size")
	}
	return nil
}

// element is one of the file.
type element struct {
	name string
	text string // without that of elements in it
	attr map[string]string
}

// number is an attribute in units of the file; 0 where it is not there.
func (e *element) number(name string) float64 {
	v, err := strconv.ParseFloat(strings.TrimSuffix(e.attr[name], "px"), 64)
	if err != nil {
		return 0
	}
	return v
}

// pointsOf are the corners of a path of straight lines.
func pointsOf(e *element) (points [][2]float64, err error) {
	list := strings.FieldsFunc(e.attr["d"]+e.attr["points"], func(r rune) bool { return strings.ContainsRune("MLZ, ", r) })
	for i := 0; i+1 < len(list); i += 2 {
		x, errX := strconv.ParseFloat(list[i], 64)
		y, errY := strconv.ParseFloat(list[i+1], 64)
		if err := errors.Join(errX, errY); err != nil {
			return nil, fmt.Errorf("draw svg: <%s>: %w", e.name, err)
		}
		points = append(points, [2]float64{x, y})
	}
	return points, nil
}

// transparent reports that nothing of c is seen.
func transparent(c color.NRGBA) bool { return c.A == 0 }
