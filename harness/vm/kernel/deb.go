package kernel

import (
	"archive/tar"
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/blakesmith/ar"
)

// debLimit bounds a package, in bytes unpacked.
const debLimit = 4 << 30

func isDeb(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	magic := make([]byte, 8)
	_, err = io.ReadFull(f, magic)
	return err == nil && string(magic) == "!<arch>\n"
}

// unpackDebs unpacks a kernel from packages into the folder dir. If it fails, there
// is no such folder.
func unpackDebs(debs []string, dir string) error {
	tmp, err := os.MkdirTemp(filepath.Dir(dir), ".unpack-")
	if err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	defer os.RemoveAll(tmp)
	for _, deb := range debs {
		if err := unpackData(deb, tmp); err != nil {
			return fmt.Errorf("unpack %s: %w", filepath.Base(deb), err)
		}
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return fmt.Errorf("unpack: %w", err)
	}
	// Another process may have unpacked the same package meanwhile.
	if err := os.Rename(tmp, dir); err != nil && !exists(dir) {
		return fmt.Errorf("unpack: %w", err)
	}
	return nil
}

// unpackData unpacks the data member of a package (deb(5)) as
// dir/{vmlinuz,config,modules/}.
func unpackData(deb, dir string) error {
	f, err := os.Open(deb)
	if err != nil {
		return err
	}
	defer f.Close()
	archive := ar.NewReader(bufio.NewReader(f))
	for {
		member, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return errors.New("the package holds no data.tar: it is torn, or no Debian package")
		}
		if err != nil {
			return err
		}
		name := strings.TrimRight(member.Name, "/ ")
		compression, ok := strings.CutPrefix(name, "data.tar")
		if !ok {
			continue
		}
		r, err := decompress(archive, compression)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		defer r.Close()
		if err := unpackTar(io.LimitReader(r, debLimit), dir); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		return nil
	}
}

// unpackTar unpacks the files for which debPath has a place. Links are left out: those
// of a kernel package point to its headers.
func unpackTar(r io.Reader, dir string) error {
	archive := tar.NewReader(r)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		rel := debPath(h.Name)
		if h.Typeflag != tar.TypeReg || rel == "" || !filepath.IsLocal(rel) {
			continue
		}
		if err := writeFile(filepath.Join(dir, rel), archive); err != nil {
			return err
		}
	}
}

// debPath maps the name of a file in a package to its place in the folder of a kernel,
// or to "" if it is not needed.
func debPath(name string) string {
	name = strings.TrimPrefix(path.Clean("/"+name), "/")
	name = strings.TrimPrefix(name, "usr/")
	switch base, ok := strings.CutPrefix(name, "boot/"); {
	case ok && strings.HasPrefix(base, "vmlinuz-"):
		return "vmlinuz"
	case ok && strings.HasPrefix(base, "config-"):
		return "config"
	}
	if rest, ok := strings.CutPrefix(name, "lib/modules/"); ok {
		return "modules/" + rest // findInDir looks below the release too
	}
	return ""
}

func writeFile(path string, r io.Reader) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, r)
	return errors.Join(err, f.Close())
}
