package progress

import (
	"fmt"
	"io"
	"sync"
	"time"

	"tunbench/reports/record"
)

// Boots shows the progress of a command that boots guests: on a terminal in a line that
// is redrawn, elsewhere in a line at the beginning and the end of each boot, and between
// them in at most one line every betweenLines.
type Boots struct {
	boots  int
	trials int // of each boot; 0 where that is not known
	ofArm  int // of them, of one arm of one scenario
	arms   int
	now    func() time.Time
	quiet  bool

	mu       sync.Mutex // guards what follows
	p        line
	begun    time.Time // the first boot
	bootAt   time.Time
	told     time.Time
	boot     int // that is at hand, from 1
	name     string
	finished int // trials of this boot
}

// betweenLines is how often a plain line is printed while a guest measures.
const betweenLines = 20 * time.Second

// Work is what a command measures in a guest, as far as that is known.
type Work struct {
	Trials int // 0: not known
	OfArm  int // trials of one arm of one scenario
	Arms   int
}

// NewBoots shows on w, which is stderr, the progress of so many boots, each of which does
// all of what. With quiet it prints nothing; with verbose it draws nothing, because the
// console of the guest is printed then.
func NewBoots(w io.Writer, quiet, verbose bool, boots int, what ...Work) *Boots {
	b := &Boots{boots: boots, now: time.Now, p: newLine(w, quiet), quiet: quiet}
	b.p.live = b.p.live && !verbose
	for _, r := range what {
		b.trials += r.Trials
		b.ofArm, b.arms = max(b.ofArm, r.OfArm), max(b.arms, r.Arms)
	}
	return b
}

// Start shows that the boot of a kernel begins. which says which of its own boots this
// is.
func (b *Boots) Start(boot int, name, which string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.bootAt = b.now()
	if boot == 1 {
		b.begun = b.bootAt
	}
	b.boot, b.name, b.finished, b.told = boot, name, 0, b.bootAt
	b.line(fmt.Sprintf("boot %d/%d: %s%s", boot, b.boots, name, which))
}

// Record takes in a record that a guest handed out.
func (b *Boots) Record(kind record.Kind, arm string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case kind == record.KindTrial:
		b.finished++
	case kind == record.KindSkip && arm != "":
		b.finished += b.ofArm
	case kind == record.KindSkip:
		b.finished += b.ofArm * b.arms
	default:
		return
	}
	text := fmt.Sprintf("boot %d/%d: %s: %s", b.boot, b.boots, b.name, record.Plural(b.finished, "trial", "trials"))
	if b.trials > 0 {
		b.finished = min(b.finished, b.trials)
		text = fmt.Sprintf("boot %d/%d: %s: %d of %d trials%s", b.boot, b.boots, b.name, b.finished, b.trials, b.left())
	}
	now := b.now()
	switch {
	case b.quiet:
	case b.p.live:
		b.p.put(text)
	case now.Sub(b.told) >= betweenLines:
		b.told = now
		fmt.Fprintln(b.p.w, text)
	}
}

// End shows that a boot has ended.
func (b *Boots) End() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.finished = b.trials
	text := fmt.Sprintf("boot %d/%d: %s took %s", b.boot, b.boots, b.name, left(b.now().Sub(b.bootAt)))
	if b.boot < b.boots {
		text += b.left()
	}
	b.line(text)
}

// left is the time that the rest takes at the present rate.
func (b *Boots) left() string {
	done, all := b.boot, b.boots
	if b.trials > 0 {
		done, all = (b.boot-1)*b.trials+b.finished, b.boots*b.trials
	}
	if done == 0 || done >= all {
		return ""
	}
	rest := float64(b.now().Sub(b.begun)) * float64(all-done) / float64(done)
	return ", about " + left(time.Duration(rest)) + " left"
}

// line prints a line that stays, unless -q is given.
func (b *Boots) line(text string) {
	if b.quiet {
		return
	}
	b.p.Clear()
	b.p.keep(text)
}

// Clear makes room for something else.
func (b *Boots) Clear() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.p.Clear()
}
