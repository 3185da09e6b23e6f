package disk

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"tunbench/reports/record"
)

func TestHold(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, record.FileName)
	if _, err := Hold(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	w, err := record.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if holder := Holder(path); holder != "" {
		t.Errorf("nobody has the lock, and it is %q", holder)
	}
	lock, err := Hold(path)
	if err != nil || lock.Warning != "" {
		t.Fatal(lock, err)
	}
	var held *HeldError
	me := fmt.Sprintf("process %d on ", os.Getpid())
	if _, err := Hold(path); !errors.As(err, &held) || !strings.Contains(err.Error(), path+" is being written by "+me) || !strings.Contains(err.Error(), filepath.Base(os.Args[0])) {
		t.Errorf("a second one: %v", err)
	}
	for _, name := range []string{path, dir} {
		if holder := Holder(name); !strings.HasPrefix(holder, me) {
			t.Errorf("holder of %s: %q", name, holder)
		}
	}
	// Whoever has the lock writes, and others read.
	if err := w.Write(record.Run{Kind: record.KindRun, Schema: record.Schema}); err != nil {
		t.Error(err)
	}
	if _, err := record.ReadFile(path); err != nil {
		t.Error(err)
	}
	flags, _, errno := syscall.Syscall(syscall.SYS_FCNTL, lock.file.Fd(), syscall.F_GETFD, 0)
	if errno != 0 || flags&syscall.FD_CLOEXEC == 0 {
		t.Errorf("children inherit the lock: flags %x, %v", flags, errno)
	}
	if err := lock.Close(); err != nil {
		t.Error(err)
	}
	if lock, err = Hold(path); err != nil {
		t.Fatalf("after Close: %v", err)
	}
	lock.Close()
}
