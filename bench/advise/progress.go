package advise

import (
	"fmt"
	"io"
	"time"

	"tunbench/bench/progress"
	"tunbench/reports/screen"
	"tunbench/reports/text"
)

// told shows the progress: on a terminal in a line that is redrawn, with the losers above
// it; elsewhere, with -v, in lines.
type told struct {
	*progress.Line
	verbose, quiet bool
	phase          string
	block          int
}

func newProgress(w io.Writer, quiet, verbose bool) *told {
	return &told{Line: progress.NewLine(w, quiet), quiet: quiet, verbose: verbose}
}

func (t *told) step(s Step) {
	if t.quiet {
		return
	}
	switch {
	case s.Lack != nil:
		if t.Live() || t.verbose {
			t.Keep(screen.Caution, "lacking", fmt.Sprintf("%s: %s", s.Lack.What[0], s.Lack.Reason))
		}
		return
	case s.Dropped != nil:
		if t.Live() || t.verbose {
			t.Keep(screen.Faint, "out", fmt.Sprintf("%s  %s × %s", s.Dropped.Candidate, text.Ratio(s.Dropped.Ratio), s.Dropped.By))
		}
		return
	}
	passed := s.Passed.Truncate(time.Second)
	place := s.Phase
	if s.Block > 0 {
		place = fmt.Sprintf("%s  block %d  %d candidates", s.Phase, s.Block, s.Left)
	}
	if t.Live() {
		if s.Round > 0 {
			place += fmt.Sprintf("  round %d/%d", s.Round, s.Rounds)
		}
		t.Draw(fmt.Sprintf("%v  %s", passed, place))
		return
	}
	if t.verbose && (s.Phase != t.phase || s.Block != t.block) {
		t.Keep(screen.Plain, passed.String(), place)
	}
	t.phase, t.block = s.Phase, s.Block
}
