package doctor

import (
	"strings"

	"tunbench/harness/condition"
	"tunbench/harness/refusal"
)

// Report is what a host can do, section by section.
type Report struct {
	Sections []Section `json:"sections"`
}

// Section is a table of things that were tried.
type Section struct {
	Title string `json:"title"`
	Rows  []Row  `json:"rows"`
}

// Status of a Row.
const (
	StatusOK          = "ok"
	StatusUsed        = "used"        // ok, and what a run would take
	StatusUnsupported = "unsupported" // the kernel said no
	StatusFailed      = "failed"      // it could not be tried
	StatusWarning     = "warning"     // it would spoil a measurement
	StatusUnknown     = "unknown"     // it cannot be known, or only during a trial
)

// SectionObserver is the title of the section of the observer's hooks, of which
// one is used if any holds.
const SectionObserver = "Observer"

// Row is one thing that was tried, and what to do about it.
type Row struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Detail string `json:"detail,omitempty"`
	Advice string `json:"advice,omitempty"`
}

// Remedy is why a row matters that is not as it should be, and the command that
// mends it.
func (r Row) Remedy() Remedy { return r.remedy(refusal.KernelConfig()) }

// remedy is Remedy for a kernel of that configuration.
func (r Row) remedy(config map[string]string) Remedy {
	switch {
	case r.Status != StatusWarning && r.Status != StatusFailed && r.Status != StatusUnsupported:
		return Remedy{}
	case r.Name == condition.ForeignLoad:
		return remedies["load"]
	case r.Name == "virtualization" && strings.Contains(r.Detail, "tcg"):
		return Remedy{"every instruction is emulated: time says nothing", "tunbench kernels --icount --kernel 6.12"}
	}
	remedy := remedies[r.Name]
	if r.Name == rowBridge && config["CONFIG_BRIDGE_NETFILTER"] == "y" {
		remedy.Command = "" // it cannot be unloaded
	}
	for module, option := range map[string]string{"modprobe tun": "CONFIG_TUN", "modprobe vhost_net": "CONFIG_VHOST_NET"} {
		if strings.HasPrefix(remedy.Command, module) && config[option] == "n" {
			remedy.Command = "" // there is no such module
		}
	}
	return remedy
}
