package vm

import (
	"bytes"
	"debug/elf"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tunbench/harness/vm/guest"
	"tunbench/harness/vm/kernel"

	"github.com/cavaliergopher/cpio"
	"github.com/google/go-cmp/cmp"
)

// static makes a program that CheckStatic takes for one; with interpreter, one
// that needs libraries.
func static(machine elf.Machine, interpreter bool) []byte {
	b := make([]byte, 64+56)
	copy(b, "\x7fELF\x02\x01\x01")
	b[16], b[18], b[20] = 2, byte(machine), 1
	b[19] = byte(machine >> 8)
	b[32], b[52], b[54], b[56] = 64, 64, 56, 1
	b[64] = byte(elf.PT_LOAD)
	if interpreter {
		b[64] = byte(elf.PT_INTERP)
	}
	return b
}

func TestInitramfs(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write(t, at("modules/modules.dep"), []byte("tun.ko:\nvhost_net.ko: vhost.ko tun.ko\nvhost.ko:\nveth.ko:\nbridge.ko: stp.ko\n"))
	for _, name := range []string{"tun", "vhost_net", "vhost", "bridge"} {
		write(t, at("modules/"+name+".ko"), []byte(name))
	}
	write(t, at("config"), []byte("CONFIG_TUN=m\n"))
	program := static(elf.EM_X86_64, false)
	write(t, at("tunbench"), program)
	k := &kernel.Kernel{Release: "6.1.0", Arch: "amd64", Modules: at("modules"), Config: at("config")}
	job := guest.Job{
		Commands: [][]string{{"run", "--suite", "/etc/tunbench/suites/a.yaml"}}, Env: []string{"A=b"},
		Files: map[string][]byte{"/etc/tunbench/suites/a.yaml": []byte("scenarios: []")},
	}
	fs, err := newInitramfs(k, at("tunbench"), job, nil)
	if err != nil {
		t.Fatal(err)
	}
	// veth.ko is listed but lost, and bridge needs a module that is not there.
	if len(fs.notes) != 2 || !strings.Contains(fs.notes[0], "module veth is left out") || !strings.Contains(fs.notes[1], "stp") {
		t.Errorf("notes: %q", fs.notes)
	}
	var first, second bytes.Buffer
	for _, b := range []*bytes.Buffer{&first, &second} {
		if err := fs.write(b); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two archives of the same differ")
	}

	got := map[string]string{}
	r := cpio.NewReader(&first)
	for {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		contents, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.ModTime.Unix() != 0 {
			t.Errorf("%s has the time %v", h.Name, h.ModTime)
		}
		if h.Mode&cpio.ModeType == cpio.TypeDir {
			got[h.Name+"/"] = ""
			continue
		}
		got[h.Name] = string(contents)
		if h.Name == "init" && h.Mode&0o111 == 0 {
			t.Error("init cannot be executed")
		}
	}
	want := map[string]string{
		"init":                       string(program),
		"boot/config-6.1.0":          "CONFIG_TUN=m\n",
		"etc/tunbench/suites/a.yaml": "scenarios: []",
		"modules/000-tun.ko":         "tun",
		"modules/001-vhost.ko":       "vhost",
		"modules/002-vhost_net.ko":   "vhost_net",
		"etc/tunbench/guest.json":    got["etc/tunbench/guest.json"],
	}
	for _, d := range []string{"boot", "dev", "etc", "etc/tunbench", "etc/tunbench/suites", "modules", "out", "proc", "run", "sys", "tmp"} {
		want[d+"/"] = ""
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	var in guest.Config
	if err := json.Unmarshal([]byte(got["etc/tunbench/guest.json"]), &in); err != nil {
		t.Fatal(err)
	}
	job.Files = nil
	if d := cmp.Diff(guest.Config{Job: job, Optional: []string{"vhost", "vhost_net"}}, in); d != "" {
		t.Errorf("guest.json (-want +got):\n%s", d)
	}

	fs.job.Files = map[string][]byte{"/etc/../init": nil}
	if err := fs.write(io.Discard); err == nil {
		t.Error("a file took the place of init")
	}
	if err := os.Remove(at("modules/tun.ko")); err != nil {
		t.Fatal(err)
	}
	if _, err := newInitramfs(k, at("tunbench"), job, nil); err == nil || !strings.Contains(err.Error(), "module tun is listed") {
		t.Errorf("without tun: %v", err)
	}
}

func TestStaticProgram(t *testing.T) {
	dir := t.TempDir()
	for name, test := range map[string]struct {
		program []byte
		want    string
	}{
		"dynamic": {static(elf.EM_X86_64, true), "CGO_ENABLED=0"},
		"arm":     {static(elf.EM_AARCH64, false), "EM_AARCH64, the kernel for amd64: name one for amd64 with --guest-binary"},
		"script":  {[]byte("#!/bin/sh\nexec tunbench \"$@\"\n" + strings.Repeat("#", 100)), "bad magic"},
	} {
		path := filepath.Join(dir, name)
		write(t, path, test.program)
		if err := CheckStatic(path, "amd64"); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", name, err, test.want)
		}
	}
	if err := CheckStatic(filepath.Join(dir, "arm"), "arm64"); err != nil {
		t.Errorf("an arm64 program for an arm64 kernel: %v", err)
	}
}
