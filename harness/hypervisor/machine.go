package hypervisor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/harness/device"
	"tunbench/harness/refusal"
	"tunbench/harness/spec"
	"tunbench/harness/vm"
	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/kernel"
	"tunbench/harness/vm/peer"
)

const (
	// memoryMiB is that of the guest, which holds tunbench twice: in its initramfs, and
	// unpacked.
	memoryMiB = 512
	// bootsWithin is how long the boot may take, the attempt under KVM included, and how much
	// CPU time.
	bootsWithin = 2 * time.Minute
	// lastsFor is by how much a guest may outlive the measured time of its trial.
	lastsFor = 10 * time.Minute
)

// modules are those of the guest's port and of its network device. Its dependencies come along.
var modules = []string{"virtio_pci", "virtio_console", "virtio_net"}

// Executable is the program that the guest runs, if not this one. Tests set it, whose own
// program may need libraries.
var Executable string

// machine is a running guest.
type machine struct {
	line   *line
	cancel context.CancelFunc
	ended  chan struct{}
	err    error         // why it ended; after ended
	boot   time.Duration // from the start to the first answer

	mu     sync.Mutex // guards what follows
	pid    int        // of QEMU
	accel  string
	remark string // on the choice of the accelerator
}

// startMachine boots the guest behind the queues of d and returns when its receivers wait
// for packets. died is called with the reason if it ends before close. When ctx is done, no
// answer of the guest is waited for any more, now or later.
func startMachine(ctx context.Context, s spec.Spec, k *kernel.Kernel, d *device.Device, c peer.Config, died func(error)) (*machine, error) {
	text, err := json.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("write what the guest is to do: %w", err)
	}
	queues, err := inherited(d)
	if err != nil {
		return nil, err
	}
	m := &machine{ended: make(chan struct{})}
	var theirs *os.File
	if m.line, theirs, err = newLine(ctx, m.ended, m.cpuTime); err != nil {
		closeAll(queues)
		return nil, err
	}
	files := append([]*os.File{theirs}, queues...)
	var running context.Context // until close
	running, m.cancel = context.WithCancel(context.Background())
	begin := time.Now()
	go func() {
		defer closeAll(files)
		m.err = m.run(running, vm.Machine{
			Kernel: k, SMP: cpusOf(s), MemoryMiB: memoryMiB, Timeout: bootsWithin + 3*s.Warmup + s.Measure + lastsFor,
			Append: kernelParameters(s), Executable: Executable, Log: m.note,
			Extra: vm.Extra{Args: append(controlArgs(), deviceArgs(s)...), Files: files, Modules: modulesOf(s), Started: m.started},
		}, text)
		close(m.ended)
		if running.Err() == nil {
			died(fmt.Errorf("the guest ended: %w", m.err))
		}
	}()
	if _, err := m.line.await(0, peer.Ready, bootsWithin); err != nil {
		select {
		case <-m.ended:
			err = m.err
		default:
		}
		return m, fmt.Errorf("start the guest: %w", err)
	}
	m.boot = time.Since(begin)
	return m, nil
}

// run returns why the guest has ended.
func (m *machine) run(ctx context.Context, v vm.Machine, config []byte) error {
	r, err := v.Run(ctx, guest.Job{Commands: [][]string{{peer.Command}}, Files: map[string][]byte{peer.ConfigPath: config}})
	var failed *vm.BootError
	switch {
	case errors.As(err, &failed):
		return err
	case err != nil: // what it needs is not here
		return &refusal.Missing{Detail: "path=guest: " + err.Error()}
	case len(r.Commands) == 1 && r.Commands[0].Exit != 0:
		c := r.Commands[0]
		return fmt.Errorf("tunbench in it exited with %d: %s", c.Exit, strings.TrimSpace(string(c.Stderr)))
	}
	return errors.New("tunbench in it ended by itself")
}

func (m *machine) started(pid int, accel string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pid, m.accel = pid, accel
}

func (m *machine) note(text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.remark = text
}

// how returns the accelerator, and a remark on its choice.
func (m *machine) how() (accel, remark string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.accel, m.remark
}

// cpuTime is that of QEMU in ns, the guest's CPUs included; -1 if QEMU does not run.
func (m *machine) cpuTime() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.pid == 0 { // which would be this process
		return -1
	}
	// The clock of a process: MAKE_PROCESS_CPUCLOCK(pid, CPUCLOCK_SCHED) of the kernel's
	// include/linux/posix-timers_types.h.
	const sched = 2
	var ts unix.Timespec
	if err := unix.ClockGettime(int32(^m.pid<<3|sched), &ts); err != nil {
		return -1
	}
	return ts.Nano()
}

// close kills QEMU, and returns when it has ended.
func (m *machine) close() error {
	m.cancel()
	<-m.ended
	return m.line.conn.Close()
}

// cpusOf is how many CPUs the guest has: one for each queue, and one to answer the host while
// the others are busy with packets.
func cpusOf(s spec.Spec) int { return s.Queues + 1 }

// inherited are the descriptors of the queues for QEMU.
func inherited(d *device.Device) (files []*os.File, err error) {
	for _, q := range d.Queues() {
		fd, err := unix.FcntlInt(uintptr(q.FD()), unix.F_DUPFD_CLOEXEC, 0)
		if err != nil {
			closeAll(files)
			return nil, fmt.Errorf("duplicate queue %d of %s for QEMU: %w", q.Index(), d.Name(), err)
		}
		files = append(files, os.NewFile(uintptr(fd), fmt.Sprint(d.Name(), " queue ", q.Index())))
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// kernelParameters leave IPv6 out unless it is measured: its solicitations are packets, too.
func kernelParameters(s spec.Spec) string {
	if s.Family == 6 {
		return ""
	}
	return "ipv6.disable=1"
}

func modulesOf(s spec.Spec) []string {
	if s.Family == 6 {
		return append([]string{"ipv6"}, modules...)
	}
	return modules
}

// controlArgs are the arguments of QEMU for the port of the peer, whose other end is the
// first of the files. A serial port would do as well, but QEMU takes its lock for each byte of
// it, for which it also reads the network device.
func controlArgs() []string {
	return []string{
		"-chardev", fmt.Sprintf("socket,id=control,fd=%d", vm.FirstFile), "-device", "virtio-serial-pci",
		"-device", "virtserialport,chardev=control,name=" + peer.Port,
	}
}

// deviceArgs are the arguments of QEMU for the network device. With several queues it has a
// vector for each queue in each direction, one for the configuration and one for control.
func deviceArgs(s spec.Spec) []string {
	vhost := "off"
	if s.IO == spec.IOVhost {
		vhost = "on"
	}
	var fds []string
	for i := range s.Queues {
		fds = append(fds, fmt.Sprint(vm.FirstFile+1+i))
	}
	backend := fmt.Sprintf("tap,id=net0,fd=%s,vhost=%s", fds[0], vhost)
	front := "virtio-net-pci,netdev=net0,romfile=,mac=" + peer.MAC.String()
	if s.Queues > 1 {
		backend = fmt.Sprintf("tap,id=net0,fds=%s,vhost=%s", strings.Join(fds, ":"), vhost)
		front += fmt.Sprintf(",mq=on,vectors=%d", 2*s.Queues+2)
	}
	return []string{"-netdev", backend, "-device", front + offloadArgs(s)}
}

// offloadArgs say what the guest may announce, which QEMU passes on to the device
// (TUNSETOFFLOAD). Without a virtio-net header QEMU announces nothing by itself.
func offloadArgs(s spec.Spec) string {
	if s.VnetHdr == 0 {
		return ""
	}
	var args strings.Builder
	set := func(on bool, features ...string) {
		for _, f := range features {
			fmt.Fprintf(&args, ",%s=%s", f, map[bool]string{true: "on", false: "off"}[on])
		}
	}
	tso := s.Offload == spec.OffloadTSO
	set(s.Offload != spec.OffloadNone, "csum", "guest_csum")
	set(tso, "guest_tso4", "guest_tso6", "guest_ecn", "host_tso4", "host_tso6", "host_ecn")
	set(false, "guest_ufo", "host_ufo")
	return args.String()
}
