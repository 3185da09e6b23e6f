package trial

import (
	"strings"
	"testing"

	"tunbench/harness/vm/vmtest"
)

// inEach are run in all guests.
var inEach = []string{
	"TestObserverSeesEveryWrite", "TestRingAccounts", "TestRingWrites", "TestRingTurnedOff", "TestSuperPackets", "TestWritesWithEveryHook",
	"TestHooksAreProven", "TestSelectHook", "TestHooksThatNeverRun", "TestSleepersAreCounted", "TestHooksCountTheSame", "TestToggledObserver", "TestObserversTakeTurns", "TestStaleStamps", "TestUnmetDevice",
	"TestVhost", "TestVhostWorker", "TestVhostReceivesTheBytes", "TestVhostTransmitsTheBytes", "TestVhostFaults",
	"TestLockedDown", // for good, and so the last
}

// inGuests are the tests that are run in guests, too: of kernels that have what
// the host's may lack (kprobes, fentry), or lack what it has.
var inGuests = map[string][]string{
	"6.1":  inEach,
	"6.12": append([]string{"TestXDPSeesEveryFrame", "TestEvents", "TestSteeringSpreads", "TestWrittenLinkGoesDown", "TestFlowsFollowTheirAnswers", "TestWireguard", "TestLinkDelays", "TestLinkDrops", "TestLinkReorders", "TestVPNWithoutLoss", "TestQuota", "TestBridgeCrossesNetfilter", "TestReadBack", "TestQdiscDrops", "TestStreamsBehindAQdisc"}, inEach...),
}

// TestInGuests runs tests of this package under other kernels.
func TestInGuests(t *testing.T) {
	vmtest.InGuests(t, inGuests, func(t *testing.T, name, out string) {
		if name != "TestObserverSeesEveryWrite" {
			return
		}
		for _, hook := range []string{"kprobe", "fentry", "tracepoint"} {
			if !strings.Contains(out, "/"+hook+"/tap_frags") {
				t.Errorf("%s was not tested:\n%s", hook, out)
			}
		}
	})
}
