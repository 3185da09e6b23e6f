package boot

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"tunbench/harness/vm"
	"tunbench/harness/vm/guest"
)

func TestHandOver(t *testing.T) {
	out := filepath.Join(t.TempDir(), "run")
	r := &vm.Result{
		Files: map[string][]byte{"tunbench-files/run.jsonl": []byte("{}\n"), "tunbench-files/sub/a.svg": nil, "other": nil},
		Commands: []guest.CommandResult{
			{Args: []string{"run"}, Exit: 3, Stdout: []byte("report: " + outDir + "/report.md\n"), Stderr: []byte("2 trials are invalid\n")},
		},
	}
	var stdout, stderr bytes.Buffer
	s := &Session{Terminal: Terminal{Stdout: &stdout, Stderr: &stderr}}
	files := &Files{Dir: out, Prefix: prefix}
	if err := errors.Join(files.Claim(), files.Begin(), files.Console("tunbench-init: ready")); err != nil {
		t.Fatal(err)
	}
	code, err := s.handOver(r, files)
	if err != nil || code != 3 {
		t.Fatalf("exit %d, %v", code, err)
	}
	if want := "report: " + out + "/report.md\n"; stdout.String() != want || stderr.String() != "2 trials are invalid\n" {
		t.Errorf("stdout %q, want %q; stderr %q", stdout.String(), want, stderr.String())
	}
	var names []string
	err = filepath.WalkDir(out, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			names = append(names, strings.TrimPrefix(path, out+"/"))
		}
		return err
	})
	if want := []string{ConsoleName, "run.jsonl", "sub/a.svg"}; err != nil || !cmp.Equal(names, want) {
		t.Errorf("files %v, %v, want %v", names, err, want)
	}
	again := &Files{Dir: out, Prefix: prefix}
	if err := again.Claim(); err == nil || !strings.Contains(err.Error(), "choose another --out") {
		t.Errorf("claimed twice: %v", err)
	}
	if _, err := s.handOver(r, again); err == nil || !strings.Contains(err.Error(), "choose another --out") {
		t.Errorf("again: %v", err)
	}
	r.Files = nil
	r.Commands[0].Exit, r.Commands[0].Error = 137, "killed by SIGKILL"
	if code, err := s.handOver(r, again); err != nil || code != exitFailure {
		t.Errorf("killed: exit %d, %v", code, err)
	}
	if !strings.Contains(stderr.String(), "in the guest: run: killed by SIGKILL") {
		t.Errorf("stderr %q", stderr.String())
	}
}
