package swap

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/harness/module"
	"tunbench/harness/netns"
	"tunbench/harness/tuntap"
	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/vmtest"
)

// roleEnv makes this program another one: "hold" holds a device, "killed" loads another
// module and waits to be killed.
const roleEnv = "TUNBENCH_TEST_SWAP"

func TestMain(m *testing.M) {
	if guest.IsInit() {
		guest.Init() // does not return
	}
	Main()
	var err error
	switch os.Getenv(roleEnv) {
	case "":
		os.Exit(m.Run())
	case "hold":
		err = hold()
	case "killed":
		if err = useOwn(); err == nil {
			fmt.Println("ready")
			time.Sleep(time.Minute)
		}
	}
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

func hold() error {
	ns, err := netns.New()
	if err != nil {
		return err
	}
	return ns.Do(func() error {
		if _, err := tuntap.Create(tuntap.Config{Name: "other0", Queues: 1}); err != nil {
			return err
		}
		fmt.Println("ready")
		time.Sleep(time.Minute)
		return nil
	})
}

// useOwn loads the file of the original as if it were another build.
func useOwn() error {
	m, err := module.Parse("new=" + filepath.Join("/lib/modules", here.release(), "tun.ko"))
	if err != nil {
		return err
	}
	return errors.Join(module.Add(m), Use("new"))
}

// as starts this program in a role, and returns when it is ready.
func as(t *testing.T, role string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command("/proc/self/exe")
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadString('\n'); err != nil || line != "ready\n" {
		t.Fatalf("%s: %q, %v", role, line, err)
	}
	return cmd
}

// loadedAt is when the kernel made the folder of the module that is loaded.
func loadedAt(t *testing.T) time.Time {
	t.Helper()
	var st unix.Stat_t
	if err := unix.Stat("/sys/module/tun", &st); err != nil {
		t.Fatal(err)
	}
	return time.Unix(st.Ctim.Unix())
}

func TestInGuests(t *testing.T) {
	all := []string{"TestRealExchange"}
	vmtest.InGuests(t, map[string][]string{"6.1": all, "6.12": all}, nil)
}

// TestRealExchange runs in guests, where TUN is a module that vhost_net uses.
func TestRealExchange(t *testing.T) {
	if os.Getenv("HOME") != "/tmp" {
		t.Skip("would exchange the TUN module of the host; runs in guests")
	}
	defer module.Forget()
	has := func(what string) {
		t.Helper()
		for _, name := range []string{"tun", "vhost_net"} {
			if _, err := os.Stat("/sys/module/" + name); err != nil {
				t.Errorf("%s: %v", what, err)
			}
		}
		if f, err := os.Open("/dev/vhost-net"); err != nil {
			t.Errorf("%s: %v", what, err)
		} else {
			f.Close()
		}
	}
	has("at the beginning")
	first := loadedAt(t)

	holder := as(t, "hold")
	want := fmt.Sprintf("other0 in pid %d, held by swap.test (pid %[1]d)", holder.Process.Pid)
	if err := useOwn(); err == nil || !strings.Contains(err.Error(), "TUN is in use") || !strings.Contains(err.Error(), fmt.Sprintf("(pid %d)", holder.Process.Pid)) {
		t.Errorf("while a device is held: %v, want %s", err, want)
	} else {
		t.Log(err)
	}
	_ = holder.Process.Kill()
	_ = holder.Wait() // it was killed
	file, err := os.OpenFile("/dev/net/tun", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	if err := useOwn(); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("(pid %d)", os.Getpid())) {
		t.Errorf("while its file is open: %v", err)
	}
	file.Close()
	if !loadedAt(t).Equal(first) {
		t.Error("a refused exchange loaded a module")
	}

	for range 3 {
		if err := useOwn(); err != nil {
			t.Fatal(err)
		}
		has("exchanged")
		d, err := tuntap.Create(tuntap.Config{Name: "mine0", Queues: 1})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	second := loadedAt(t)
	if err := Restore(); err != nil {
		t.Error(err)
	}
	has("restored")
	if third := loadedAt(t); !second.After(first) || !third.After(second) {
		t.Errorf("loaded at %v, %v, %v", first, second, third)
	}

	before := loadedAt(t)
	killed := as(t, "killed")
	if !loadedAt(t).After(before) {
		t.Error("the program to be killed has exchanged nothing")
	}
	exchanged := loadedAt(t)
	_ = killed.Process.Kill()
	_ = killed.Wait() // it was killed
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		var st unix.Stat_t
		if unix.Stat("/sys/module/vhost_net", &st) == nil && unix.Stat("/sys/module/tun", &st) == nil && time.Unix(st.Ctim.Unix()).After(exchanged) {
			break
		}
		if time.Now().After(end) {
			t.Fatal("the guard of a killed process put nothing back")
		}
	}
	has("after a kill")
}
