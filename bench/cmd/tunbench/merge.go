package main

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/spf13/cobra"

	"tunbench/bench/folder"
	"tunbench/reports/disk"
	"tunbench/reports/record"
)

func mergeCommand(a *app) *cobra.Command {
	var out string
	var partial bool
	cmd := &cobra.Command{
		Use:   "merge SHARD...",
		Short: "combine the shards of a run into one",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, shards []string) error {
			if out == "" {
				return errors.New("name a folder for the merged run with --out")
			}
			return mergeShards(a, shards, out, partial)
		},
	}
	cmd.Flags().StringVar(&out, "out", "", "folder for run.jsonl and report.md")
	cmd.Flags().BoolVar(&partial, "partial", false, "merge although shards are missing or were interrupted")
	_ = cmd.MarkFlagDirname("out")
	return cmd
}

func mergeShards(a *app, names []string, out string, partial bool) error {
	path := filepath.Join(out, record.FileName)
	if err := folder.Free(path, ""); err != nil {
		return err
	}
	var shards []record.Named
	for _, name := range names {
		f, err := record.ReadFile(name)
		if err != nil {
			return err
		}
		if err := folder.CheckKnown(name); err != nil {
			return err
		}
		for _, w := range f.Warnings {
			a.warnf("%s: %s", name, w)
		}
		if holder := disk.Holder(name); holder != "" && f.End == nil {
			if !partial {
				return &disk.HeldError{Path: name, Holder: holder}
			}
			a.warnf("%s: is being written by %s: what it holds so far is merged", name, holder)
		}
		shards = append(shards, record.Named{Name: name, File: f})
	}
	merged, err := record.Merge(shards, partial)
	if err != nil {
		return err
	}
	if err := folder.Write(out, merged); errors.Is(err, fs.ErrExist) {
		return folder.Taken(path, "") // it was created after the check above
	} else if err != nil {
		return err
	}
	return reportRun(a, out, path, outputs{})
}
