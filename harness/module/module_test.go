package module

import (
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/harness/module/moduletest"
)

func TestParse(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	tun := moduletest.TUN("6.12.0", "ABC")
	write("tun.ko", tun)
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(tun); err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	write("tun.ko.gz", packed.Bytes())
	write("tap.ko", moduletest.KO("", "name=tap", "vermagic=6.12.0 SMP "))
	write("tun.o", tun)
	write("old.ko", moduletest.KO("", "name=tun"))
	write("text.ko", []byte("not an object"))
	write("cut.ko.gz", packed.Bytes()[:20])
	t.Chdir(dir)
	for text, want := range map[string]string{
		"tun.ko":              "write NAME=FILE.ko",
		"new=":                "write NAME=FILE.ko",
		"=tun.ko":             `"" is no name for a module`,
		"New=tun.ko":          `"New" is no name for a module`,
		"as-is=tun.ko":        "choose another",
		"new=lost.ko":         "read module file: open lost.ko: no such file",
		"new=" + dir:          "is a directory",
		"new=tap.ko":          `tap.ko is the module "tap": give a build of tun.ko`,
		"new=tun.o":           "tun.o: its name ends in none of .ko, .ko.xz",
		"new=old.ko":          "does not say which kernel it is for",
		"new=text.ko":         "text.ko is no kernel module: ",
		"new=cut.ko.gz":       "unpack cut.ko.gz",
		"new=tun.ko/ nothing": "read module file",
	} {
		if m, err := Parse(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %+v, %v, want %q", text, m, err, want)
		}
	}
	for text, parameters := range map[string]string{
		"new=tun.ko": "", "new=tun.ko.gz": "", "new=tun.ko  lab=missed  x=1 ": "lab=missed x=1",
	} {
		m, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if m.Name != "new" || m.Release() != "6.12.0" || m.SrcVersion != "ABC" || m.Parameters != parameters || !bytes.Equal(m.Image, tun) || len(m.SHA256) != 64 || !filepath.IsAbs(m.Path) {
			t.Errorf("%s: %+v", text, m)
		}
	}
}

// A name stands for one build, and one that nobody named is refused with those there are.
func TestFlag(t *testing.T) {
	defer Forget()
	dir := t.TempDir()
	for name, version := range map[string]string{"old.ko": "A", "new.ko": "B"} {
		if err := os.WriteFile(filepath.Join(dir, name), moduletest.TUN("6.12.0", version), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	old, replacement := "old="+filepath.Join(dir, "old.ko"), "new="+filepath.Join(dir, "new.ko")
	var f Flag
	for _, text := range []string{old, replacement, old} {
		if err := f.Set(text); err != nil {
			t.Fatal(err)
		}
	}
	if got := f.GetSlice(); !cmp.Equal(got, []string{old, replacement, old}) || f.String() != strings.Join(got, ",") {
		t.Errorf("the flag is %q", got)
	}
	for _, text := range []string{"old=" + filepath.Join(dir, "new.ko"), old + " lab=missed"} {
		if err := f.Set(text); err == nil || !strings.Contains(err.Error(), "old is the name of "+filepath.Join(dir, "old.ko")) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if m, err := Find("new"); err != nil || m.SrcVersion != "B" {
		t.Errorf("new is %+v, %v", m, err)
	}
	if _, err := Find("newer"); err == nil || !strings.Contains(err.Error(), "choose as-is, old, new, or give its file: --module newer=FILE.ko") {
		t.Errorf("newer: %v", err)
	}
	if n := len(All()); n != 2 {
		t.Errorf("%d modules", n)
	}
}
