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

// TestRemedyNeedsAModule holds that no command loads a module of which the
// kernel's configuration says that it was not built.
func TestRemedyNeedsAModule(t *testing.T) {
	row := Row{Name: "io=vhost", Status: StatusUnsupported}
	for option, want := range map[string]string{"m": "modprobe vhost_net", "n": "", "": "modprobe vhost_net"} {
		if got := row.remedy(map[string]string{"CONFIG_VHOST_NET": option}); got.Command != want || got.Why == "" {
			t.Errorf("CONFIG_VHOST_NET=%s: %+v, want %q", option, got, want)
		}
	}
}
