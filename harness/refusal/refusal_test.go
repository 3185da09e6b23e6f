package refusal

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
	"tunbench/harness/call"
	"tunbench/harness/netns"
	"tunbench/harness/tuntap"
	"tunbench/harness/vhost"
	"tunbench/reports/record"
)

// asRoot makes the process privileged in full, or not, to Classify.
func asRoot(t *testing.T, root bool) {
	t.Helper()
	before := allPrivileges
	allPrivileges = func() bool { return root }
	t.Cleanup(func() { allPrivileges = before })
}

// withConfig gives the running kernel a configuration.
func withConfig(t *testing.T, config map[string]string) {
	t.Helper()
	before := kernelConfig
	kernelConfig = func() map[string]string { return config }
	t.Cleanup(func() { kernelConfig = before })
}

// TestClassify holds what is made of an errno: a reason that is true for this
// process and this kernel, and what to do.
func TestClassify(t *testing.T) {
	txqlen := &netns.CallError{Call: "set txqueuelen 524289", Object: "tunbench0", Err: unix.EPERM}
	noTUN := fmt.Errorf("/dev/net/tun is missing: %w (%w)", tuntap.ErrNoTUN, unix.ENOENT)
	noVhost := &call.Error{Call: "open " + vhost.Path, Err: unix.ENOENT}
	socket := fmt.Errorf("open the socket of flow 53: %w", &call.Error{Call: "socket", Err: unix.EMFILE})
	for name, c := range map[string]struct {
		err    func() error
		root   bool
		config map[string]string
		reason string
		words  string // "!" before what must not be there
	}{
		"EPERM, not root": {func() error { return fmt.Errorf("create: %w", unix.EPERM) }, false, nil, record.Unprivileged, "create"},
		"EPERM, root":     {func() error { return fmt.Errorf("create: %w", unix.EPERM) }, true, nil, record.Unsupported, "create"},
		"EACCES, root":    {func() error { return fmt.Errorf("open: %w", unix.EACCES) }, true, nil, record.Unprivileged, "open"},
		"a ring too long": {func() error { return OfLink(txqlen, netns.Link{TxQLen: 524289}) }, true, nil, record.Unsupported, "txqlen=524289: the kernel makes no ring of more than 524288 packets"},
		"no memory for a ring": {func() error {
			return OfLink(&netns.CallError{Call: "set txqueuelen 9000", Err: unix.EPERM}, netns.Link{TxQLen: 9000})
		}, true, nil, record.Missing, "choose a smaller one"},
		"a ring, not root": {func() error { return OfLink(txqlen, netns.Link{TxQLen: 524289}) }, false, nil, record.Unprivileged, "operation not permitted"},
		"another EPERM": {func() error {
			return OfLink(&netns.CallError{Call: "set mtu 1500", Err: unix.EPERM}, netns.Link{TxQLen: 500})
		}, true, nil, record.Unsupported, "set mtu 1500"},
		"no such qdisc": {func() error {
			return OfLink(&netns.CallError{Call: "set root qdisc nosuch (RTM_NEWQDISC)", Object: "tunbench0", Err: unix.ENOENT}, netns.Link{Qdisc: "nosuch"})
		}, true, nil, record.Unsupported, "qdisc=nosuch: this kernel has no such queueing discipline"},
		"no such qdisc, with parameters": {func() error {
			return OfLink(&netns.CallError{Call: "set root qdisc fq:limit=5 (RTM_NEWQDISC)", Object: "tunbench0", Err: unix.ENOENT}, netns.Link{Qdisc: "fq:limit=5"})
		}, true, nil, record.Unsupported, "(modprobe sch_fq): set root qdisc fq:limit=5 (RTM_NEWQDISC) on tunbench0: no such file or directory (ENOENT)"},
		"parameters of a qdisc": {func() error {
			return OfLink(&netns.CallError{Call: "set root qdisc fq:limit=5 (RTM_NEWQDISC)", Object: "tunbench0", Err: unix.EINVAL}, netns.Link{Qdisc: "fq:limit=5"})
		}, true, nil, record.Unsupported, "qdisc=fq:limit=5: this kernel does not take these parameters of fq; set others"},
		"a qdisc that needs parameters": {func() error {
			return OfLink(&netns.CallError{Call: "set root qdisc tbf (RTM_NEWQDISC)", Object: "tunbench0", Err: unix.EINVAL}, netns.Link{Qdisc: "tbf"})
		}, true, nil, record.Unsupported, "qdisc=tbf: the kernel does not take tbf without parameters, and tunbench sets none of it; choose another: set root qdisc tbf"},
		"a qdisc of several queues": {func() error {
			return OfLink(&netns.CallError{Call: "set root qdisc mq (RTM_NEWQDISC)", Object: "tunbench0", Err: unix.EOPNOTSUPP}, netns.Link{Qdisc: "mq"})
		}, true, nil, record.Unsupported, "qdisc=mq: a device with one queue cannot have it; choose another, or several queues: set root qdisc mq"},
		"a qdisc that is no root": {func() error {
			return OfLink(&netns.CallError{Call: "set root qdisc clsact (RTM_NEWQDISC)", Object: "tunbench0", Err: unix.EOPNOTSUPP}, netns.Link{Qdisc: "clsact"})
		}, true, nil, record.Unsupported, "qdisc=clsact: clsact cannot be the root qdisc of this device; choose another: set root qdisc clsact"},
		"descriptors":            {func() error { return socket }, true, nil, record.Missing, "raise the limit (ulimit -n), or use fewer flows or queues"},
		"descriptors of devices": {func() error { return fmt.Errorf("open /dev/net/tun: %w", unix.EMFILE) }, true, nil, record.Missing, "raise the limit (ulimit -n)"},
		"descriptors of all":     {func() error { return fmt.Errorf("socket: %w", unix.ENFILE) }, true, nil, record.Missing, "fs.file-max"},
		"memory":                 {func() error { return OfVhost(fmt.Errorf("mmap: %w", unix.ENOMEM)) }, true, nil, record.Missing, "use fewer queues"},
		"a GSO packet": {func() error {
			return fmt.Errorf("a sender died: %w", &call.Error{Call: "sendmmsg", Err: unix.EIO})
		}, true, nil, record.Unsupported, "this kernel sends no GSO packets of UDP into a device without checksum offload; choose vnet=10 offload=csum, or boot Linux 6.11 or newer: sendmmsg: input/output error (EIO)"},
		"a device that is down": {func() error { return &call.Error{Call: "write queue 0", Err: unix.EIO} }, true, nil, record.Failed, "write queue 0: input/output error"},
		"a bug":                 {func() error { return fmt.Errorf("read: %w", unix.EFAULT) }, true, nil, record.Failed, "!;"},
		"not the device":        {func() error { return fmt.Errorf("open /dev/net/tun: %w", tuntap.ErrNotTUN) }, true, nil, record.Missing, "mknod /dev/net/tun c 10 200"},

		"no tun, a module":        {func() error { return noTUN }, true, map[string]string{"CONFIG_TUN": "m"}, record.Missing, "modprobe tun"},
		"no tun, not built":       {func() error { return noTUN }, true, map[string]string{"CONFIG_TUN": "n"}, record.Unsupported, "CONFIG_TUN is not set"},
		"no tun, nobody knows":    {func() error { return noTUN }, true, nil, record.Missing, "modprobe tun"},
		"no vhost, a module":      {func() error { return OfVhost(noVhost) }, true, map[string]string{"CONFIG_VHOST_NET": "m"}, record.Unsupported, "(modprobe vhost_net): open /dev/vhost-net: no such file or directory (ENOENT)"},
		"no vhost, not built":     {func() error { return OfVhost(noVhost) }, true, map[string]string{"CONFIG_VHOST_NET": "n"}, record.Unsupported, "CONFIG_VHOST_NET is not set"},
		"no vhost, built in":      {func() error { return OfVhost(noVhost) }, true, map[string]string{"CONFIG_VHOST_NET": "y"}, record.Missing, "--device /dev/vhost-net"},
		"no vhost, nobody knows":  {func() error { return OfVhost(noVhost) }, true, nil, record.Unsupported, "modprobe vhost_net"},
		"vhost is something else": {func() error { return OfVhost(&call.Error{Call: "ioctl VHOST_GET_FEATURES", Err: unix.ENOTTY}) }, true, nil, record.Missing, "is not the vhost-net device"},
	} {
		t.Run(name, func(t *testing.T) {
			asRoot(t, c.root)
			withConfig(t, c.config)
			reason, detail := Classify(c.err())
			words, not := strings.CutPrefix(c.words, "!")
			if reason != c.reason || strings.Contains(detail, words) == not {
				t.Errorf("%s: %s, want %s with %q", reason, detail, c.reason, c.words)
			}
			if strings.Contains(detail, "modprobe") && strings.HasSuffix(name, "not built") {
				t.Errorf("asks for a module that cannot be there: %s", detail)
			}
		})
	}
}

// TestVhostReasons are those for which a scenario of io=vhost cannot be run.
func TestVhostReasons(t *testing.T) {
	asRoot(t, false)
	withConfig(t, nil)
	for _, c := range []struct {
		call   string
		errno  unix.Errno
		reason string
	}{
		{"open " + vhost.Path, unix.ENOENT, record.Unsupported},
		{"open " + vhost.Path, unix.ENODEV, record.Unsupported},
		{"open " + vhost.Path, unix.EPERM, record.Unprivileged},
		{"open " + vhost.Path, unix.EACCES, record.Unprivileged},
		{"ioctl VHOST_GET_FEATURES", unix.EOPNOTSUPP, record.Unsupported},
		{"ioctl VHOST_NET_SET_BACKEND", unix.EINVAL, record.Unsupported},
		{"mmap 1 bytes for a virtqueue", unix.ENOMEM, record.Missing},
		{"eventfd", unix.EMFILE, record.Missing},
		{"ioctl VHOST_SET_OWNER", unix.EFAULT, record.Failed},
	} {
		reason, detail := Classify(OfVhost(&call.Error{Call: c.call, Err: c.errno}))
		if reason != c.reason || !strings.Contains(detail, c.call) || !strings.Contains(detail, c.errno.Error()) {
			t.Errorf("%s: %v: %s: %s, want %s", c.call, c.errno, reason, detail, c.reason)
		}
	}
}
