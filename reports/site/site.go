// Package site publishes a folder of pages as a whole: readers see the old site or the new
// one, and whatever interrupts the writer, no half of one.
package site

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"tunbench/reports/disk"
)

// File is a file of a site.
type File struct {
	Name    string // without a folder
	Content []byte
}

// ManifestName is the file that lists the files of a site. A folder that has one, and
// nothing that it does not list, is a site of ours, and may be replaced.
const ManifestName = "site.json"

// manifest is the content of that file.
type manifest struct {
	Kind  string   `json:"kind"` // siteKind
	Files []string `json:"files"`
}

const siteKind = "tunbench-site"

// Publish makes files the content of the folder dir. The folder is made, or must be empty
// or an older site. It is replaced in one step: a reader never finds a site that is not
// whole.
func Publish(ctx context.Context, dir string, files []File) error {
	dir, err := target(dir)
	if err != nil {
		return fmt.Errorf("publish: %w", err)
	}
	parent, name := filepath.Dir(dir), filepath.Base(dir)
	if err := disk.MakeFolder(parent); err != nil {
		return fmt.Errorf("publish to %s: %w", dir, err)
	}
	lock, err := hold(ctx, parent)
	if err != nil {
		return fmt.Errorf("publish to %s: %w", dir, err)
	}
	defer lock.Close()
	there, err := replaceable(dir)
	if err != nil {
		return fmt.Errorf("publish to %s: %w", dir, err)
	}
	removeLeft(parent, name)
	stage, err := os.MkdirTemp(parent, prefix(name))
	if err != nil {
		return fmt.Errorf("publish to %s: the new site is written beside it: %w", dir, err)
	}
	defer os.RemoveAll(stage) // the new site if something failed, else the old one
	if err := fill(ctx, stage, files); err != nil {
		return fmt.Errorf("publish to %s: %w", dir, err)
	}
	if err := exchange(stage, dir, there); err != nil {
		return fmt.Errorf("publish to %s: %w", dir, err)
	}
	return nil
}

// target is dir without links, so that a link to a site stays one.
func target(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	real, err := filepath.EvalSymlinks(abs)
	if errors.Is(err, fs.ErrNotExist) {
		return abs, nil
	}
	return real, err
}

// replaceable reports whether dir exists. It is an error if dir holds anything but a site.
func replaceable(dir string) (there bool, err error) {
	entries, err := os.ReadDir(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case errors.Is(err, unix.ENOTDIR):
		return false, errors.New("it is a file: name a folder")
	case err != nil:
		return false, err
	case len(entries) == 0:
		return true, nil
	}
	var m manifest
	text, err := os.ReadFile(filepath.Join(dir, ManifestName))
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil || m.Kind != siteKind {
		return true, fmt.Errorf("the folder is not empty, and what it holds (%s) was not published by tunbench: name an empty or a new folder", some(entries))
	}
	foreign := slices.DeleteFunc(entries, func(e fs.DirEntry) bool {
		return e.Name() == ManifestName || slices.Contains(m.Files, e.Name()) && !e.IsDir()
	})
	if len(foreign) > 0 {
		return true, fmt.Errorf("beside an older site, the folder holds what tunbench did not publish (%s), and all of it would be replaced: move that elsewhere", some(foreign))
	}
	return true, nil
}

// some names the first entries.
func some(entries []fs.DirEntry) string {
	var names []string
	for i, e := range entries {
		if i == 3 {
			names = append(names, fmt.Sprintf("%d more", len(entries)-i))
			break
		}
		names = append(names, e.Name())
	}
	return strings.Join(names, ", ")
}

// prefix begins the names of the folders in which sites are written before they are
// published as name.
func prefix(name string) string { return "." + name + ".publishing-" }

// hold locks the folder in which sites lie until the lock is closed: one publishes after
// the other. The kernel releases the lock of a process that is killed.
func hold(ctx context.Context, parent string) (*os.File, error) {
	f, err := os.Open(parent)
	if err != nil {
		return nil, err
	}
	for {
		// A file system without locks is no obstacle.
		if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); !errors.Is(err, unix.EWOULDBLOCK) {
			return f, nil
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, fmt.Errorf("interrupted while another publishes in %s: %w", parent, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// removeLeft removes what publishers that were killed have left. The caller holds the lock.
func removeLeft(parent, name string) {
	entries, _ := os.ReadDir(parent)
	for _, e := range entries {
		if e.IsDir() && strings.HasPrefix(e.Name(), prefix(name)) {
			os.RemoveAll(filepath.Join(parent, e.Name()))
		}
	}
}

// fill writes files and the manifest into stage, and makes sure that they are on the disk.
func fill(ctx context.Context, stage string, files []File) error {
	m := manifest{Kind: siteKind}
	for _, f := range files {
		if f.Name != filepath.Base(f.Name) || f.Name == ManifestName || slices.Contains(m.Files, f.Name) {
			return fmt.Errorf("%q cannot be the name of a page", f.Name)
		}
		m.Files = append(m.Files, f.Name)
	}
	text, err := json.MarshalIndent(m, "", " ")
	if err != nil {
		return err
	}
	for _, f := range append(slices.Clone(files), File{ManifestName, append(text, '\n')}) {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("interrupted, and nothing is changed: %w", err)
		}
		if err := write(filepath.Join(stage, f.Name), f.Content); err != nil {
			return err
		}
	}
	// A web server that is another user reads it.
	if err := os.Chmod(stage, 0o755); err != nil {
		return err
	}
	return syncFolder(stage)
}

func write(path string, content []byte) (err error) {
	f, err := disk.Open(path, os.O_WRONLY|os.O_EXCL)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(content); err != nil {
		return err
	}
	return f.Sync()
}

func syncFolder(dir string) (err error) {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return f.Sync()
}

// exchange renames stage to dir. What was dir, if it is there, is then at stage.
func exchange(stage, dir string, there bool) error {
	if !there {
		if err := unix.Renameat2(unix.AT_FDCWD, stage, unix.AT_FDCWD, dir, unix.RENAME_NOREPLACE); err != nil && !unsupported(err) {
			return fmt.Errorf("rename %s: %w", stage, err)
		} else if err == nil {
			return syncFolder(filepath.Dir(dir))
		}
		return os.Rename(stage, dir) // fails if dir is not empty
	}
	err := unix.Renameat2(unix.AT_FDCWD, stage, unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE)
	if unsupported(err) {
		return aside(stage, dir)
	}
	if err != nil {
		return fmt.Errorf("exchange it with %s: %w", stage, err)
	}
	// Somebody may have added a file since the folder was looked at.
	if _, err := replaceable(stage); err != nil {
		return errors.Join(err, unix.Renameat2(unix.AT_FDCWD, stage, unix.AT_FDCWD, dir, unix.RENAME_EXCHANGE))
	}
	return syncFolder(filepath.Dir(dir))
}

// unsupported reports whether the file system cannot exchange names, such as NFS.
func unsupported(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) || errors.Is(err, unix.ENOTSUP)
}

// aside moves dir away and stage into its place, where names cannot be exchanged: for a
// moment there is no site.
func aside(stage, dir string) error {
	old := stage + "-old"
	if err := os.Rename(dir, old); err != nil {
		return err
	}
	if err := os.Rename(stage, dir); err != nil {
		return errors.Join(err, os.Rename(old, dir))
	}
	return os.RemoveAll(old)
}
