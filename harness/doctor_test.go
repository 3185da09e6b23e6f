package harness

import (
	"strings"
	"testing"

	"tunbench/harness/tuntap"
)

func TestDeviceOfOneQueue(t *testing.T) {
	for queues, want := range map[int]string{1: "1 queue", 4: "4 queues"} {
		if got := describe(tuntap.Existing{Queues: queues}); !strings.Contains(got, want) || queues == 1 && strings.Contains(got, "queues") {
			t.Errorf("%d: %q", queues, got)
		}
	}
}
