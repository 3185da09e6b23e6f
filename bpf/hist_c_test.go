package bpf

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"tunbench/bpf/hist"
)

// TestHistogramInC holds the buckets of hist.bpf.h against package hist: every
// bound of every bucket, and what lies beside it.
func TestHistogramInC(t *testing.T) {
	cc, err := exec.LookPath("cc")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("no C compiler, and CI must have one")
		}
		t.Skip("no C compiler (cc)")
	}
	dir := t.TempDir()
	header, err := filepath.Abs("c/hist.bpf.h")
	if err != nil {
		t.Fatal(err)
	}
	source := fmt.Sprintf(`#include <stdio.h>
typedef unsigned int __u32;
typedef unsigned long long __u64;
#define __always_inline inline
#include %q
int main(void)
{
	unsigned long long v;
	while (scanf("%%llu", &v) == 1)
		printf("%%u\n", hist_index(v));
	return 0;
}
`, header)
	c, exe := filepath.Join(dir, "hist.c"), filepath.Join(dir, "hist")
	if err := os.WriteFile(c, []byte(source), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command(cc, "-O1", "-o", exe, c).CombinedOutput(); err != nil {
		t.Fatalf("compile: %v\n%s", err, out)
	}
	var values []uint64
	for i := range hist.Buckets {
		lower, last := hist.Lower(i), hist.Lower(i)+hist.Width(i)-1
		values = append(values, lower, (lower+last)/2, last)
	}
	cmd := exec.Command(exe)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer in.Close()
		w := bufio.NewWriter(in)
		defer w.Flush()
		for _, v := range values {
			fmt.Fprintln(w, v)
		}
	}()
	r := bufio.NewReader(out)
	for _, v := range values {
		var got int
		if _, err := fmt.Fscan(r, &got); err != nil {
			t.Fatalf("value %d: %v", v, err)
		}
		if want := hist.Index(v); got != want {
			t.Fatalf("bucket of %d: %d in C, %d in Go", v, got, want)
		}
	}
	if err := cmd.Wait(); err != nil {
		t.Fatal(err)
	}
}
