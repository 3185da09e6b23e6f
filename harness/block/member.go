package block

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"tunbench/harness/condition"
	"tunbench/harness/trial"
	"tunbench/reports/record"
)

// side builds the device of a variant and measures its windows. It is a trial.InRound,
// or a fake in tests.
type side interface {
	Do(ctx context.Context, s trial.Step) error
	Turn(ctx context.Context) (trial.Turn, error)
	KeepIn(ctx context.Context, round, turn int, other float64) error
	Trial(ctx context.Context) (record.Trial, error)
	Close() error
}

// member is a variant of a block.
type member struct {
	side     side
	workers  int
	observed bool
	programs string // of its observer, as trial.Variant names them
	class    *class
	want     int // windows
	err      error

	turns []trial.Turn // all that were measured
	kept  []turn
	spare []turn // those from which CPU time was stolen
}

// turn is a window of a member.
type turn struct {
	trial.Turn
	number int // among the turns of its side
	round  int
	stolen float64 // share of the CPU time
}

func newMember(b Block, v trial.Variant) *member {
	m := &member{observed: v.Hook != record.HookNone, programs: v.Programs()}
	v.Spec.Window = Window(v.Spec)
	m.want = max(trial.LeastWindows, int(v.Spec.Measure/v.Spec.Window))
	var s trial.InRound
	if s, m.workers, m.err = trial.NewInRound(v, b.Floor, b.AddSoftirq); m.err == nil {
		m.side = s
	}
	return m
}

var errNoWindow = errors.New("no window was measured")

// fail ends a member with an error; it does nothing without one.
func (m *member) fail(err error) {
	if err == nil || m.err != nil {
		return
	}
	m.err = err
	if closeErr := m.side.Close(); closeErr != nil {
		m.err = errors.Join(err, fmt.Errorf("tear down: %w", closeErr))
	}
}

// do takes a step, unless the member has failed.
func (m *member) do(ctx context.Context, s trial.Step) {
	if m.err == nil {
		m.fail(m.side.Do(ctx, s))
	}
}

// turn measures a window in a round.
func (m *member) turn(ctx context.Context, round int) {
	if m.err != nil {
		return
	}
	// A window is short: it ends before the block does.
	t, err := m.side.Turn(context.WithoutCancel(ctx))
	if err != nil {
		m.fail(err)
		return
	}
	in := turn{Turn: t, number: len(m.turns), round: round}
	m.turns = append(m.turns, t)
	if t.Spent > 0 {
		in.stolen = float64(t.Stolen) / float64(t.Spent)
	}
	if in.stolen > condition.StealLimit {
		m.spare = append(m.spare, in)
		return
	}
	m.kept = append(m.kept, in)
}

// lastKept is the round of the last window that was kept; 0 if there is none.
func (m *member) lastKept() int {
	if len(m.kept) == 0 {
		return 0
	}
	return m.kept[len(m.kept)-1].round
}

// fillUp takes the least disturbed windows into a trial that has too few others.
func (m *member) fillUp() {
	slices.SortStableFunc(m.spare, func(a, b turn) int { return cmp.Compare(a.stolen, b.stolen) })
	for len(m.spare) > 0 && len(m.kept) < min(m.want, trial.LeastWindows) {
		m.kept, m.spare = append(m.kept, m.spare[0]), m.spare[1:]
	}
	slices.SortStableFunc(m.kept, func(a, b turn) int { return cmp.Compare(a.round, b.round) })
}

// end stops the traffic of a member, and makes its trial, whose windows are held against
// those of the yardstick of c; nil without one. A member without a window has no trial: a
// yardstick has none if the run was interrupted before its first, or if all members of its
// class failed.
func (m *member) end(ctx context.Context, c *class) (t record.Trial) {
	if len(m.kept) == 0 {
		m.fail(errNoWindow)
	}
	for _, turn := range m.kept {
		m.fail(m.side.KeepIn(ctx, turn.round, turn.number, c.rate(turn.round)))
	}
	m.do(ctx, trial.Stop)
	if m.err == nil {
		var err error
		t, err = m.side.Trial(ctx)
		m.fail(err)
	}
	return t
}

// note says what is special about a trial.
func (m *member) note(t *record.Trial, interrupted bool) {
	if n := len(m.spare); n > 0 {
		t.Notes = append(t.Notes, record.Plural(n, "window was", "windows were")+" measured again, since CPU time was stolen from them; "+trial.OfAll)
	}
	if interrupted && len(m.kept) < m.want {
		t.Flags = append(t.Flags, record.FlagShort)
		t.Notes = append(t.Notes, fmt.Sprintf("%s: the run was interrupted after %d of %d windows", record.FlagShort, len(m.kept), m.want))
	}
}
