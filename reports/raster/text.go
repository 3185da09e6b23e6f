package raster

import (
	"fmt"
	"sync"

	"golang.org/x/image/font"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"
	"golang.org/x/image/font/opentype"
)

// faces are fonts of the sizes that were needed.
type faces map[faceKey]font.Face

type faceKey struct {
	bold bool
	size float64 // in pixels
}

// fontFiles are the fonts, read once.
var fontFiles = sync.OnceValues(func() (fonts [2]*opentype.Font, err error) {
	for i, file := range [][]byte{goregular.TTF, gobold.TTF} {
		if fonts[i], err = opentype.Parse(file); err != nil {
			return fonts, fmt.Errorf("read font: %w", err)
		}
	}
	return fonts, nil
})
