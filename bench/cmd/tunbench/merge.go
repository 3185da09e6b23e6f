package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"tunbench/reports/disk"
	"tunbench/reports/record"
)

func (a *app) mergeCommand() *cobra.Command {
	var out string
	var partial bool
	cmd := &cobra.Command{
		Use:   "merge SHARD...",
		Short: "make one run of its shards",
		Long: `merge makes one run file of the shards of one plan, which run --shard measured,
on one host or on several, and reports on it. Each record says which shard it
is of, and the header of each shard is kept: reports tell the hosts apart and
hold no figures of two of them against each other, and compare asks the shards
of a scenario whether they are comparable.

Shards that are missing, doubled, interrupted or of another plan are named, and
nothing is written. --partial merges what is there of one plan; the file then
counts as interrupted.`,
		Example: `  tunbench merge shard-1 shard-2 shard-3 --out merged
  tunbench merge shards/* --out merged --partial
  tunbench compare merged-before merged`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, shards []string) error {
			if out == "" {
				return errors.New("name a folder for the merged run with --out")
			}
			return a.merge(shards, out, partial)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder for run.jsonl and report.md")
	cmd.Flags().BoolVar(&partial, "partial", false, "merge although shards are missing or were interrupted")
	_ = cmd.MarkFlagDirname("out")
	return cmd
}

func (a *app) merge(names []string, out string, partial bool) error {
	path := filepath.Join(out, record.FileName)
	if _, err := os.Lstat(path); err == nil {
		return taken(path, "")
	}
	var shards []record.Named
	for _, name := range names {
		f, err := record.ReadFile(name)
		if err != nil {
			return err
		}
		if err := record.CheckKnown(name); err != nil {
			return err
		}
		for _, w := range f.Warnings {
			a.warnf("%s: %s", name, w)
		}
		if holder := record.Holder(name); holder != "" && f.End == nil {
			if !partial {
				return &record.HeldError{Path: name, Holder: holder}
			}
			a.warnf("%s: is being written by %s: what is there so far is merged", name, holder)
		}
		shards = append(shards, record.Named{Name: name, File: f})
	}
	merged, err := record.Merge(shards, partial)
	if err != nil {
		return err
	}
	if err := writeRun(out, merged); errors.Is(err, fs.ErrExist) {
		return taken(path, "") // since it was looked for above
	} else if err != nil {
		return err
	}
	return a.report(out, path, defaultFormat, false)
}

// writeRun writes the records of f into dir as its run file, in one step. A run file
// that is there already is left as it is, and the error is fs.ErrExist: somebody may
// be writing it.
func writeRun(dir string, f *record.File) error {
	var b bytes.Buffer
	if err := f.Write(record.NewWriter(&b)); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o777); err != nil {
		return fmt.Errorf("make report folder: %w", err)
	}
	return disk.Create(filepath.Join(dir, record.FileName), b.Bytes())
}
