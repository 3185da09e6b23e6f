package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

func TestManual(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "1767323045")
	first, again := filepath.Join(t.TempDir(), "man"), t.TempDir()
	for _, dir := range []string{first, again} {
		if code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, "man", dir); code != 0 {
			t.Fatalf("exit %d, stderr %q", code, stderr)
		}
	}
	pages, err := filepath.Glob(filepath.Join(first, "*.1"))
	if err != nil {
		t.Fatal(err)
	}
	commands := []*cobra.Command{rootCommand(&app{})}
	for _, cmd := range commands[0].Commands() {
		if cmd.IsAvailableCommand() {
			commands = append(commands, cmd)
		}
	}
	if len(pages) < len(commands) {
		t.Errorf("%d pages for %d commands", len(pages), len(commands))
	}
	for _, cmd := range commands {
		name := strings.ReplaceAll(cmd.CommandPath(), " ", "-")
		page, err := os.ReadFile(filepath.Join(first, name+".1"))
		if err != nil {
			t.Error(err)
			continue
		}
		for _, want := range []string{`"2026-01-02"`, ".SH EXAMPLES", ".SH EXIT STATUS", ".SH SEE ALSO"} {
			if !strings.Contains(string(page), want) {
				t.Errorf("%s: no %s", name, want)
			}
		}
		same, err := os.ReadFile(filepath.Join(again, name+".1"))
		if err != nil || string(same) != string(page) {
			t.Errorf("%s: written again, it differs (%v)", name, err)
		}
	}
	run, err := os.ReadFile(filepath.Join(first, "tunbench-run.1"))
	if err != nil || !strings.Contains(string(run), "<UTC time>") || strings.Contains(string(run), "Exit codes: ") {
		t.Errorf("what stands in <> is lost, or the exit codes are there twice: %v\n%s", err, run)
	}
	if ab, err := os.ReadFile(filepath.Join(first, "tunbench-ab.1")); err != nil || !strings.Contains(string(ab), "\\fB0\\fR\nno regression\n.TP\n\\fB1\\fR\na regression\n") {
		t.Errorf("the exit codes of ab: %v\n%s", err, ab)
	}

	lint, err := exec.LookPath("mandoc")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	if out, err := exec.Command(lint, append([]string{"-T", "lint", "-W", "warning"}, pages...)...).CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("mandoc: %v\n%s", err, out)
	}
}

func TestManualNeedsDate(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	dir := filepath.Join(t.TempDir(), "man")
	code, _, stderr := tunbench(context.Background(), fakeLab{}, nil, "man", dir)
	if code != 2 || !strings.Contains(stderr, `SOURCE_DATE_EPOCH "yesterday": give the date`) {
		t.Errorf("exit %d, stderr %q", code, stderr)
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("a folder was made")
	}
}
