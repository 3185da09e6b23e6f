package kernels

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tunbench/reports/document/study"
	"tunbench/reports/render"
	"tunbench/reports/verdict"

	figures "tunbench/reports/study"
)

// What scripts/study.sh leaves beside the folders of the kernels.
const (
	stepsFolder   = "steps"         // holds a comparison for each pair of kernels that was profiled
	availableName = "available.txt" // the date, and the kernels that could be had
)

// Study is a report on many kernels: on the cost of a packet from one to the next.
type Study struct {
	Dir, Out string // of the run files, and for the report
	JSON     bool   // list the pairs of kernels that differ, and write no report
	Page     bool   // beside the report: the same as one page
	Images   bool   // beside the report: its chart as an image for slides
	Allow    []string
	Warn     func(format string, args ...any)
}

// Report writes the report, and what it says in short to w.
func (s Study) Report(w io.Writer) error {
	all, err := s.read(s.Dir)
	if err != nil {
		return err
	}
	t := study.Text{Study: figures.New(verdict.NewLab(all, s.Allow...))}
	if s.JSON {
		lines := json.NewEncoder(w)
		lines.SetEscapeHTML(false) // names of kernels and of files stay as they are
		for _, pair := range figures.Pairs(t.Study) {
			if err := lines.Encode(pair); err != nil {
				return fmt.Errorf("write pairs: %w", err)
			}
		}
		return nil
	}
	if t.Profiles, err = s.profiles(figures.Pairs(t.Study)); err != nil {
		return err
	}
	if t.Archive, err = readArchive(s.Dir); err != nil {
		return err
	}
	if err := render.WriteDocument(s.Out, t.Document()); err != nil {
		return err
	}
	if err := render.StudySummary(w, t); err != nil {
		return err
	}
	reports := []string{filepath.Join(s.Out, render.ReportName)}
	if s.Page {
		page, err := render.WritePage(s.Out, t.Document())
		if err != nil {
			return err
		}
		reports = append(reports, page)
	}
	if s.Images {
		image, err := render.WriteImages(s.Out, t.Document())
		if err != nil {
			return err
		}
		reports = append(reports, image)
	}
	_, err = fmt.Fprintf(w, "\nreport: %s\n", strings.Join(reports, "\nreport: "))
	return err
}

// read is Read, with warnings of what is left out. It is an error if there is nothing.
func (s Study) read(dir string) ([]verdict.KernelBoots, error) {
	all, unfinished, unreadable, err := Read(dir)
	if err != nil {
		return nil, err
	}
	for _, what := range unfinished {
		s.Warn("left out: %s", what)
	}
	for _, err := range unreadable {
		s.Warn("left out: %v", err)
	}
	for _, k := range all {
		for _, boot := range k.Boots {
			if len(boot) > 0 {
				return all, nil
			}
		}
	}
	return nil, fmt.Errorf("nothing was measured in %s", dir)
}

// profiles reads those of the pairs that were profiled.
func (s Study) profiles(pairs []figures.Pair) (map[string]*verdict.Lab, error) {
	labs := map[string]*verdict.Lab{}
	for _, p := range pairs {
		dir := filepath.Join(s.Dir, stepsFolder, p.Name)
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		all, err := s.read(dir)
		if err != nil {
			return nil, err
		}
		labs[p.Name] = verdict.NewLab(all)
	}
	return labs, nil
}

// readArchive reads which kernels could be had; nothing where that was not asked.
func readArchive(dir string) (a study.Archive, err error) {
	text, err := os.ReadFile(filepath.Join(dir, availableName))
	if errors.Is(err, fs.ErrNotExist) {
		return a, nil
	}
	if err != nil {
		return a, fmt.Errorf("read kernels that can be had: %w", err)
	}
	lines := strings.Fields(string(text))
	if len(lines) > 0 {
		a.Date, a.Releases = lines[0], lines[1:]
	}
	return a, nil
}
