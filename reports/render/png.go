package render

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"tunbench/reports/chart"
	"tunbench/reports/document"
	"tunbench/reports/raster"
)

// WriteImages writes the charts of d into dir, as PNGFiles makes them, and gives the path of
// the first.
func WriteImages(dir string, d document.Document) (string, error) {
	files, err := PNGFiles(d)
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, files[0].Name), WriteFiles(dir, files)
}

// PNGFiles are the charts of d, each as an image for a slide of 16:9.
func PNGFiles(d document.Document) ([]Output, error) {
	var files []Output
	pictures := d.Pictures()
	d.Sections, d.Details = nil, document.Details{} // of large runs they take more memory than the images
	for _, p := range pictures {
		var svg, png bytes.Buffer
		if err := chart.WriteSlide(&svg, p.Chart, d.SourceOf(p)); err != nil {
			return nil, fmt.Errorf("draw %s: %w", p.File, err)
		}
		if err := raster.PNG(&png, svg.Bytes()); err != nil {
			return nil, fmt.Errorf("draw %s: %w", p.File, err)
		}
		files = append(files, Output{strings.TrimSuffix(p.File, ".svg") + ".png", png.Bytes()})
	}
	if len(files) == 0 {
		return nil, errors.New("the report has no chart; --format markdown has its tables")
	}
	return files, nil
}
