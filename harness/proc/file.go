// Package proc reads files of /proc again and again without allocating memory.
package proc

import (
	"bytes"
	"errors"
	"io"
	"os"
)

// File is a file of /proc that is read often. It stays open: the kernel writes its content
// anew whenever it is read from the beginning. That of a file in /proc/thread-self is the
// content for the thread that read it first. It is not for concurrent use.
type File struct {
	Path string

	file    *os.File
	content []byte
}

// leastRoom is the room for the content at first, in bytes. It grows as needed.
const leastRoom = 4096

// Read returns the content as it is now, which is valid until the next Read.
func (f *File) Read() ([]byte, error) {
	if f.file == nil {
		file, err := os.Open(f.Path)
		if err != nil {
			return nil, err
		}
		f.file = file
	}
	for n := 0; ; {
		if n == len(f.content) {
			f.content = append(f.content, make([]byte, max(leastRoom, n))...)
		}
		got, err := f.file.ReadAt(f.content[n:], int64(n))
		n += got
		if errors.Is(err, io.EOF) {
			return f.content[:n], nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// Close closes the file, which the next Read opens again.
func (f *File) Close() error {
	if f.file == nil {
		return nil
	}
	file := f.file
	f.file = nil
	return file.Close()
}

// Word returns the first word of b, without the blanks around it, and what follows; an empty
// one if there is none.
func Word(b []byte) (word, rest []byte) {
	const blanks = " \t\n"
	b = bytes.TrimLeft(b, blanks)
	if i := bytes.IndexAny(b, blanks); i >= 0 {
		return b[:i], b[i:]
	}
	return b, nil
}
