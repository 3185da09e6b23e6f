package host

import (
	"io/fs"
	"strings"
)

// cpuid is what the CPU itself says about a hypervisor.
type cpuid struct {
	known      bool     // the instruction exists
	guest      bool     // leaf 1 says that a hypervisor is present
	signatures []string // of leaves 0x40000000 and 0x40000100
}

// hypervisors maps the signature of a hypervisor to its name. DMI does not
// distinguish KVM from emulation by QEMU, and Firecracker has no DMI.
var hypervisors = map[string]string{
	"KVMKVMKVM":    "kvm",
	"Linux KVM Hv": "kvm",
	"TCGTCGTCGTCG": "tcg",
	"XenVMMXenVMM": "xen",
	"VMwareVMware": "vmware",
	"Microsoft Hv": "microsoft",
	"bhyve bhyve ": "bhyve",
	"VBoxVBoxVBox": "oracle",
	" lrpepyh  vr": "parallels",
	"ACRNACRNACRN": "acrn",
	"QNXQVMBSQG":   "qnx",
	"Apple VZ":     "apple",
	"VirtualApple": "apple",
}

// dmiNames maps the beginning of a DMI string to the name of the hypervisor,
// for machines without CPUID. "qemu" may run on KVM or not.
var dmiNames = []struct{ prefix, name string }{
	{"KVM", "kvm"},
	{"OpenStack", "kvm"},
	{"KubeVirt", "kvm"},
	{"Firecracker", "kvm"},
	{"Amazon EC2", "amazon"},
	{"Google Compute Engine", "google"},
	{"QEMU", "qemu"},
	{"VMware", "vmware"},
	{"VMW", "vmware"},
	{"innotek GmbH", "oracle"},
	{"VirtualBox", "oracle"},
	{"Oracle Corporation VirtualBox", "oracle"},
	{"Xen", "xen"},
	{"Bochs", "bochs"},
	{"Parallels", "parallels"},
	{"BHYVE", "bhyve"},
	{"Apple Virtualization", "apple"},
}

// emulated is the name of QEMU's CPU "max" for arm64, which a guest has only under TCG:
// under KVM it sees the CPU of the host (aarch64_max_initfn of QEMU's target/arm/cpu64.c).
const emulated = "QEMU max"

// virt names the hypervisor: "none" on bare metal, "other" for one without a
// name here, "" if it is not known.
func virt(root fs.FS, hv cpuid) string {
	if hv.known {
		if !hv.guest {
			if text(root, "sys/hypervisor/type") == "xen" {
				return "xen" // paravirtual guests and dom0 hide the flag
			}
			return "none"
		}
		name := "other"
		// KVM and Xen can imitate Hyper-V; their own signature is then 0x100 further on.
		for _, s := range hv.signatures {
			if n, ok := hypervisors[s]; ok && (name == "other" || name == "microsoft") {
				name = n
			}
		}
		return name
	}

	if text(root, "sys/hypervisor/type") == "xen" {
		return "xen"
	}
	if cpuModel(text(root, "proc/cpuinfo")) == emulated {
		return "tcg"
	}
	told := false // a file was there that would have named a hypervisor
	for _, file := range []string{"proc/device-tree/hypervisor/compatible", "proc/device-tree/compatible"} {
		compatible := text(root, file)
		switch {
		case strings.Contains(compatible, "linux,kvm"):
			return "kvm"
		case strings.Contains(compatible, "xen"):
			return "xen"
		case strings.Contains(compatible, "vmware"):
			return "vmware"
		case strings.Contains(compatible, "linux,dummy-virt"):
			return "qemu"
		}
		told = told || compatible != ""
	}

	const dmi = "sys/class/dmi/id/"
	product := text(root, dmi+"product_name")
	for _, file := range []string{"product_name", "sys_vendor", "board_vendor", "bios_vendor"} {
		s := text(root, dmi+file)
		told = told || s != ""
		for _, d := range dmiNames {
			if !strings.HasPrefix(s, d.prefix) {
				continue
			}
			if d.name == "amazon" && strings.HasSuffix(product, ".metal") {
				return "none"
			}
			return d.name
		}
		if s == "Microsoft Corporation" && product == "Virtual Machine" {
			return "microsoft"
		}
	}
	if told {
		return "none"
	}
	return ""
}
