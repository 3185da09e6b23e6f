package block

import (
	"time"

	"tunbench/harness/spec"
	"tunbench/harness/trial"
)

const (
	// conversationWindow is the least window of a conversation: TCP needs some round trips to
	// find its rate again after a pause, and the pause itself takes a tenth of a second where
	// packets are lost.
	conversationWindow = 80 * time.Millisecond
	// longRingWindow is the least window of a device whose ring takes long to fill.
	longRingWindow = 40 * time.Millisecond
)

// Window is how long the windows of s are in a block: s.Window, unless its traffic needs
// longer ones and s.Measure has room for trial.LeastWindows of them.
func Window(s spec.Spec) time.Duration {
	least, longest := s.Window, max(s.Window, s.Measure/trial.LeastWindows)
	switch {
	case s.Rate > 0:
		// At the ends of a window other threads take CPU time from the sender, which is
		// late for it. The rate of an open loop is the same in any window.
		return longest
	case s.Gen.Conversation():
		least = conversationWindow
	case s.LongRing():
		least = longRingWindow
	}
	return min(max(s.Window, least), longest)
}
