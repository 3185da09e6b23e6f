package swap

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"tunbench/harness/module"
	"tunbench/harness/module/moduletest"
	"tunbench/harness/refusal"
	"tunbench/harness/vm/kernel"
	"tunbench/reports/record"
)

const release = "6.12.0"

// fakeKernel has TUN, and vhost_net, which uses it.
type fakeKernel struct {
	t      *testing.T
	root   string
	loaded map[string]string // name -> srcversion and parameters
	refs   int               // descriptors that hold TUN
	frees  int               // attempts to unload after which these are closed
	refuse map[string]error  // by srcversion
	calls  []string
	ended  int
}

func newFakeKernel(t *testing.T) *fakeKernel {
	k := &fakeKernel{t: t, root: t.TempDir(), loaded: map[string]string{"tun": "ORIGINAL debug=Y", "vhost_net": "VHOST"}, refuse: map[string]error{}}
	k.write("proc/sys/kernel/osrelease", release+"\n")
	k.write("lib/modules/"+release+"/modules.dep", "tun.ko:\nvhost_net.ko: tun.ko\n")
	k.write("lib/modules/"+release+"/tun.ko", string(moduletest.TUN(release, "ORIGINAL")))
	k.write("lib/modules/"+release+"/vhost_net.ko", string(moduletest.KO("", "name=vhost_net", "srcversion=VHOST")))
	k.write("sys/module/tun/srcversion", "ORIGINAL\n")
	k.write("sys/module/tun/parameters/debug", "Y\n")
	k.write("sys/module/vhost_net/srcversion", "VHOST\n")
	k.show()
	return k
}

func (k *fakeKernel) write(name, text string) {
	k.t.Helper()
	path := filepath.Join(k.root, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o777), os.WriteFile(path, []byte(text), 0o666)); err != nil {
		k.t.Fatal(err)
	}
}

// show writes /proc/modules.
func (k *fakeKernel) show() {
	text := ""
	if _, ok := k.loaded["vhost_net"]; ok {
		text += "vhost_net 100 0 - Live 0x0\n"
	}
	if _, ok := k.loaded["tun"]; ok {
		refs, users := k.refs, "-"
		if text != "" {
			refs, users = refs+1, "vhost_net,"
		}
		text += fmt.Sprintf("tun 100 %d %s Live 0x0\n", refs, users)
	}
	k.write("proc/modules", text)
}

func (k *fakeKernel) insert(image []byte, parameters string) error {
	info, err := kernel.Modinfo(image)
	if err != nil {
		return unix.ENOEXEC
	}
	what := strings.TrimSpace(info["srcversion"] + " " + parameters)
	k.calls = append(k.calls, "+"+what)
	if err := k.refuse[info["srcversion"]]; err != nil {
		return err
	}
	if _, ok := k.loaded[info["name"]]; ok {
		return unix.EEXIST
	}
	k.loaded[info["name"]] = what
	k.show()
	return nil
}

func (k *fakeKernel) remove(name string) error {
	if k.frees--; k.frees == 0 {
		k.refs = 0
	}
	_, used := k.loaded["vhost_net"]
	if name == "tun" && (used || k.refs > 0) {
		return unix.EAGAIN
	}
	if _, ok := k.loaded[name]; !ok {
		return unix.ENOENT
	}
	k.calls = append(k.calls, "-"+strings.Fields(k.loaded[name])[0])
	delete(k.loaded, name)
	k.show()
	return nil
}

func (k *fakeKernel) end() error {
	k.ended++
	return nil
}

func (k *fakeKernel) system() system {
	return system{root: k.root, patience: 100 * time.Millisecond, insert: k.insert, remove: k.remove, holders: func() []string { return []string{"tun7 in pid 12, held by openvpn (pid 12)"} }}
}

func (k *fakeKernel) swapper() *swapper {
	return &swapper{system: k.system(), guard: func(original []file) (watcher, error) {
		if len(original) != 2 || original[0].Name != "tun" || original[1].Name != "vhost_net" {
			k.t.Errorf("the guard gets %d modules", len(original))
		}
		return k, nil
	}}
}

// add makes builds of TUN known by the names old and new, with those srcversions.
func add(t *testing.T, of string) {
	t.Helper()
	t.Cleanup(module.Forget)
	dir := t.TempDir()
	for name, version := range map[string]string{"old": "OLD", "new": "NEW"} {
		path := filepath.Join(dir, name+".ko")
		if err := os.WriteFile(path, moduletest.TUN(of, version), 0o666); err != nil {
			t.Fatal(err)
		}
		m, err := module.Parse(name + "=" + path + " x=1")
		if err == nil {
			err = module.Add(m)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// TUN is unloaded after the module that uses it, which comes back after each exchange; each
// module is loaded afresh; and at the end all is as it was, parameters too.
func TestExchange(t *testing.T) {
	k := newFakeKernel(t)
	add(t, release)
	s := k.swapper()
	was := map[string]string{"tun": k.loaded["tun"], "vhost_net": k.loaded["vhost_net"]}
	if err := errors.Join(s.ready(module.All()), s.use(module.AsIs), s.restore()); err != nil || len(k.calls) > 0 || k.ended > 0 {
		t.Fatalf("before the first exchange: %v, %q, ended %d times", err, k.calls, k.ended)
	}
	for _, name := range []string{"new", "new", module.AsIs, "old"} {
		if err := s.use(name); err != nil {
			t.Fatal(err)
		}
		k.refs, k.frees = 1, 3 // what was closed is still being freed
		k.show()
	}
	if k.loaded["tun"] != "OLD x=1" || k.loaded["vhost_net"] != "VHOST" {
		t.Errorf("loaded: %v", k.loaded)
	}
	if err := s.restore(); err != nil {
		t.Fatal(err)
	}
	want := strings.Fields("-VHOST -ORIGINAL +NEW_x=1 +VHOST -VHOST -NEW +NEW_x=1 +VHOST -VHOST -NEW +ORIGINAL_debug=Y +VHOST -VHOST -ORIGINAL +OLD_x=1 +VHOST -VHOST -OLD +ORIGINAL_debug=Y +VHOST")
	for i := range want {
		want[i] = strings.ReplaceAll(want[i], "_", " ")
	}
	if d := cmp.Diff(want, k.calls); d != "" {
		t.Errorf("(-want +got)\n%s", d)
	}
	if !cmp.Equal(k.loaded, was) || k.ended != 1 {
		t.Errorf("at the end: %v, the guard was ended %d times", k.loaded, k.ended)
	}
	if err := s.restore(); err != nil || k.ended != 1 {
		t.Errorf("restored twice: %v", err)
	}
}

// What cannot be done is refused, with what to do instead, before anything is unloaded.
func TestRefused(t *testing.T) {
	for name, test := range map[string]struct {
		change func(k *fakeKernel)
		of     string // kernel of the builds
		want   string
		reason string
	}{
		"in use":         {func(k *fakeKernel) { k.refs = 1; k.show() }, "", "TUN is in use, and while it is the module cannot be exchanged: tun7 in pid 12, held by openvpn (pid 12); end what uses it", record.Missing},
		"another kernel": {func(*fakeKernel) {}, "6.11.9", "old.ko is for kernel 6.11.9, and this is 6.12.0: build it for this kernel", record.Missing},
		"built in": {func(k *fakeKernel) {
			k.loaded = nil
			k.show()
			k.write("dev/net/tun", "")
		}, "", "TUN is built into this kernel and cannot be exchanged: /dev/net/tun can be opened, and /proc/modules does not list tun", record.Unsupported},
		"no modules":   {func(k *fakeKernel) { os.Remove(filepath.Join(k.root, "proc/modules")) }, "", "there is no /proc/modules", record.Unsupported},
		"not loaded":   {func(k *fakeKernel) { k.loaded = nil; k.show() }, "", "TUN is not loaded: modprobe tun", record.Missing},
		"no unloading": {func(k *fakeKernel) { k.write("proc/modules", "tun 100 - - Live 0x0\n") }, "", "CONFIG_MODULE_UNLOAD is not set", record.Unsupported},
		"no files":     {func(k *fakeKernel) { os.RemoveAll(filepath.Join(k.root, "lib")) }, "", "the module that is loaded could not be put back: read modules of", record.Missing},
		"another original": {func(k *fakeKernel) { k.write("sys/module/tun/srcversion", "OTHER\n") }, "",
			"is another build: its srcversion is ORIGINAL, that of the loaded one OTHER; load that one before: rmmod tun; modprobe tun", record.Missing},
		"another build ID": {func(k *fakeKernel) {
			k.write("sys/module/tun/notes/.note.gnu.build-id", string(moduletest.Note("\x01")))
		}, "", "its build ID is not there, that of the loaded one 01", record.Missing},
		"no identity": {func(k *fakeKernel) { os.Remove(filepath.Join(k.root, "sys/module/tun/srcversion")) }, "", "may be another build", record.Missing},
	} {
		t.Run(name, func(t *testing.T) {
			k := newFakeKernel(t)
			of := test.of
			if of == "" {
				of = release
			}
			add(t, of)
			test.change(k)
			s := k.swapper()
			for what, err := range map[string]error{"ready": s.ready(module.All()[:1]), "use": s.use(module.All()[0].Name)} {
				if err == nil || !strings.Contains(err.Error(), strings.ReplaceAll(test.want, "old.ko", module.All()[0].Name+".ko")) {
					t.Errorf("%s: %v, want %q", what, err, test.want)
					continue
				}
				if reason, _ := refusal.Classify(err); reason != test.reason {
					t.Errorf("%s: %s, want %s", what, reason, test.reason)
				}
			}
			if len(k.calls) > 0 {
				t.Errorf("%q", k.calls)
			}
		})
	}
	if err := newFakeKernel(t).swapper().use("lost"); err == nil || !strings.Contains(err.Error(), "--module lost=FILE.ko") {
		t.Errorf("a module that nobody named: %v", err)
	}
}

// The original module is loaded again if the kernel refuses the build, or if a module that
// uses TUN cannot be loaded on top of the build.
func TestBuildThatFails(t *testing.T) {
	for _, test := range []struct {
		of    string
		errno unix.Errno
		want  string
	}{
		{"NEW", unix.ENOEXEC, "load module=new: load new: exec format error (ENOEXEC): it was built with another configuration"},
		{"NEW", unix.ENOENT, "it uses a symbol"},
		{"NEW", unix.EKEYREJECTED, "signed modules only"},
		{"NEW", unix.EINVAL, "does not take its parameters x=1"},
		{"NEW", unix.ENOMEM, "(ENOMEM)"},
	} {
		k := newFakeKernel(t)
		add(t, release)
		k.refuse[test.of] = test.errno
		s := k.swapper()
		if err := s.use("new"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%v: %v, want %q", test.errno, err, test.want)
		}
		if k.loaded["tun"] != "ORIGINAL debug=Y" || k.loaded["vhost_net"] != "VHOST" {
			t.Errorf("%v: loaded %v", test.errno, k.loaded)
		}
		if err := s.restore(); err != nil || k.ended != 1 {
			t.Errorf("%v: restore: %v", test.errno, err)
		}
		module.Forget()
	}
	k := newFakeKernel(t)
	add(t, release)
	s := k.swapper()
	if err := s.use("new"); err != nil {
		t.Fatal(err)
	}
	k.refuse["VHOST"] = unix.ENOEXEC
	if err := s.use("old"); err == nil || !strings.Contains(err.Error(), "unload it before (modprobe -r vhost_net)") {
		t.Errorf("%v", err)
	}
	if k.loaded["tun"] != "ORIGINAL debug=Y" {
		t.Errorf("loaded %v", k.loaded)
	}
}

// If a device is made while another module is loaded, the original cannot be put back:
// that is said, with what repairs it, and the guard goes on to try.
func TestInUseAtTheEnd(t *testing.T) {
	k := newFakeKernel(t)
	add(t, release)
	s := k.swapper()
	if err := s.use("new"); err != nil {
		t.Fatal(err)
	}
	k.refs = 1
	k.show()
	err := s.restore()
	if err == nil || !strings.Contains(err.Error(), "put the original TUN module back: TUN is in use") || !strings.HasSuffix(err.Error(), Repair) {
		t.Errorf("%v", err)
	}
	if k.ended != 0 || k.loaded["tun"] != "NEW x=1" || k.loaded["vhost_net"] != "VHOST" {
		t.Errorf("ended %d times, loaded %v", k.ended, k.loaded)
	}
}

// A guard does nothing when it is told so, and puts the originals back when its input
// ends without a word, as it does if the process on the other end was killed.
func TestStandBy(t *testing.T) {
	for said, want := range map[string]string{"": "ORIGINAL debug=Y", "en": "ORIGINAL debug=Y", sayEnd: "NEW x=1"} {
		k := newFakeKernel(t)
		add(t, release)
		s := k.swapper()
		if err := s.use("new"); err != nil {
			t.Fatal(err)
		}
		var in, out bytes.Buffer
		if err := gob.NewEncoder(&in).Encode(s.original); err != nil {
			t.Fatal(err)
		}
		in.WriteString(said)
		if err := standBy(&in, &out, k.system()); err != nil || out.String() != sayReady || k.loaded["tun"] != want || k.loaded["vhost_net"] != "VHOST" {
			t.Errorf("%q: %v, said %q, loaded %v", said, err, &out, k.loaded)
		}
		module.Forget()
	}
	if err := standBy(strings.NewReader("x"), new(bytes.Buffer), system{}); err == nil || !strings.Contains(err.Error(), "read the original modules") {
		t.Errorf("without modules: %v", err)
	}
}
