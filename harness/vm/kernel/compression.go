package kernel

import (
	"bufio"
	"compress/gzip"
	"errors"
	"io"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// compressions are the suffixes of compressed modules and packages, with their
// readers. The first is that of a file that is not compressed.
var compressions = []struct {
	suffix string
	open   func(io.Reader) (io.ReadCloser, error)
}{
	{"", func(r io.Reader) (io.ReadCloser, error) { return io.NopCloser(r), nil }},
	{".xz", func(r io.Reader) (io.ReadCloser, error) {
		x, err := xz.NewReader(bufio.NewReader(r))
		return io.NopCloser(x), err
	}},
	{".zst", func(r io.Reader) (io.ReadCloser, error) {
		z, err := zstd.NewReader(r)
		if err != nil {
			return nil, err
		}
		return z.IOReadCloser(), nil
	}},
	{".gz", func(r io.Reader) (io.ReadCloser, error) { return gzip.NewReader(r) }},
}

// errCompression reports a suffix that is none of compressions.
var errCompression = errors.New("unknown compression")

// decompress returns a reader of what is in r, a file whose name ends in suffix.
func decompress(r io.Reader, suffix string) (io.ReadCloser, error) {
	for _, c := range compressions {
		if c.suffix == suffix {
			return c.open(r)
		}
	}
	return nil, errCompression
}
