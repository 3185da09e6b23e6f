package bpf

import (
	"maps"
	"slices"
	"testing"
)

// TestReasonsAreNamedByTheirKernel: by its own enum or, without a name, by number and
// release; two kernels never share a number.
func TestReasonsAreNamedByTheirKernel(t *testing.T) {
	own := map[uint32]string{2: "NOT_SPECIFIED", 77: "TAP_FILTER"}
	for _, c := range []struct {
		reason  uint32
		release string
		want    string
	}{
		{77, "6.12.1", "TAP_FILTER"},
		{78, "6.12.1", "reason 78 of 6.12.1"},
		{78, "6.18.44", "reason 78 of 6.18.44"},
		{511, "6.18.44", "reason 511 or above of 6.18.44"},
	} {
		if got := reasonName(own, c.reason, c.release); got != c.want {
			t.Errorf("%d of %s is %q, want %q", c.reason, c.release, got, c.want)
		}
	}
	sum := newCounts(1, layout{room: 1})
	sum.cpu().Drops[77], sum.cpu().Drops[78] = 4, 5
	s := newSnapshot(sum, Target{Queues: 1}, own)
	if got := slices.Sorted(maps.Keys(s.Drops)); !slices.Equal(got, []string{"TAP_FILTER", "reason 78 of " + kernelRelease()}) {
		t.Errorf("counted %v", s.Drops)
	}
}

// TestXmitReasons: those of qdiscs and of the driver's xmit, by the numbers of the kernel, and
// none that a received packet gets, too.
func TestXmitReasons(t *testing.T) {
	marks := xmitReasons(map[uint32]string{
		0: "UNKNOWN", 2: "NOT_SPECIFIED", 14: "IP_CSUM", 62: "TC_EGRESS", 64: "QDISC_DROP", 70: "FQ_FLOW_LIMIT", 71: "CPU_BACKLOG",
		80: "FULL_RING", 83: "TAP_FILTER", 510: "TAP_TXFILTER", 511: "DEV_READY", 70000: "QDISC_OVERLIMIT",
	})
	var marked []int
	for number, mark := range marks {
		if mark != 0 {
			marked = append(marked, number)
		}
	}
	if want := []int{64, 70, 80, 83, 510}; !slices.Equal(marked, want) { // 511 stands for all above, too
		t.Errorf("reasons %v, want %v", marked, want)
	}
	own, err := dropReasons()
	if err != nil {
		t.Skip(err)
	}
	if number := numberOf(own, "FULL_RING"); number == 0 || xmitReasons(own)[number] != ofXmit || xmitReasons(own)[numberOf(own, "DEV_READY")] != ofXmitOrWrite || xmitReasons(own)[numberOf(own, "IP_CSUM")] != 0 {
		t.Errorf("FULL_RING is reason %d of this kernel, of which %v are marked", number, xmitReasons(own))
	}
}

// TestErrorsAreNamed: also those that are no errno of user space.
func TestErrorsAreNamed(t *testing.T) {
	sum := newCounts(1, layout{room: 1})
	read := &sum.errors[0].Calls
	for slot := range read {
		read[slot] = uint64(slot + 1)
	}
	s := newSnapshot(sum, Target{Queues: 1}, nil)
	for name, want := range map[string]uint64{"EINTR": 5, "EAGAIN": 12, "EHWPOISON": 134, "interrupted": 135, "other": 136} {
		if got := s.ReadErrors[name]; got != want {
			t.Errorf("%s: slot %d, want %d", name, got-1, want-1)
		}
	}
	if len(s.WriteErrors) > 0 {
		t.Errorf("errors of writes: %v", s.WriteErrors)
	}
}
