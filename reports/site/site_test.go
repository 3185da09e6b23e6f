package site

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// generation is a site whose pages all say n.
func generation(n int) (files []File) {
	for _, name := range []string{"index.html", "a.html", "b.html"}[:2+n%2] {
		files = append(files, File{name, fmt.Appendf(nil, "generation %d", n)})
	}
	return files
}

// holds is what is in a folder: names and contents.
func holds(t *testing.T, dir string) map[string]string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]string{}
	for _, e := range entries {
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			text = []byte("folder")
		}
		in[e.Name()] = string(text)
	}
	return in
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
}

// A site is published to a new folder, to an empty one, through a link, and over an older
// site, of which nothing stays. Nothing is left beside it.
func TestPublish(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "deep", "public")
	empty, link := filepath.Join(parent, "empty"), filepath.Join(parent, "link")
	if err := os.Mkdir(empty, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	for n, to := range []string{dir, dir, dir, empty, empty, link} {
		if err := Publish(context.Background(), to, generation(n)); err != nil {
			t.Fatal(err)
		}
		got := holds(t, to)
		if len(got) != 3+n%2 || got["index.html"] != fmt.Sprint("generation ", n) || got["a.html"] != fmt.Sprint("generation ", n) {
			t.Errorf("%s holds %v", to, got)
		}
		if st, err := os.Stat(to); err != nil || st.Mode().Perm() != 0o755 {
			t.Errorf("%s: %v, %v", to, st.Mode(), err)
		}
	}
	if st, err := os.Lstat(link); err != nil || st.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v", err)
	}
	if got := holds(t, filepath.Dir(dir)); len(got) != 1 {
		t.Errorf("beside the site there is %v", got)
	}
}

// What tunbench did not publish is never replaced.
func TestPublishRefuses(t *testing.T) {
	for name, test := range map[string]struct {
		files map[string]string // beside a site, if it is not alone
		alone bool
		want  string
	}{
		"a page of others":  {map[string]string{"index.html": "mine"}, true, "what it holds (index.html) was not published by tunbench"},
		"a hidden file":     {map[string]string{".git/config": "mine"}, true, "what it holds (.git) was not published by tunbench"},
		"another manifest":  {map[string]string{ManifestName: `{"kind":"site","files":[]}`}, true, "was not published by tunbench"},
		"a torn manifest":   {map[string]string{ManifestName: `{"kind":"tunbench-si`}, true, "was not published by tunbench"},
		"many files":        {map[string]string{"a": "", "b": "", "c": "", "d": "", "e": ""}, true, "(a, b, c, 2 more)"},
		"a file beside":     {map[string]string{"CNAME": "mine"}, false, "beside an older site, the folder holds what tunbench did not publish (CNAME)"},
		"a folder beside":   {map[string]string{"img/a.png": "mine"}, false, "(img)"},
		"a folder in place": {map[string]string{"b.html/x": "mine"}, false, "(b.html)"},
	} {
		dir := filepath.Join(t.TempDir(), "public")
		if !test.alone {
			if err := Publish(context.Background(), dir, generation(0)); err != nil {
				t.Fatal(err)
			}
		}
		for file, content := range test.files {
			put(t, filepath.Join(dir, file), content)
		}
		before := holds(t, dir)
		err := Publish(context.Background(), dir, generation(1))
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), dir) {
			t.Errorf("%s: %v", name, err)
		}
		if after := holds(t, dir); fmt.Sprint(after) != fmt.Sprint(before) {
			t.Errorf("%s: the folder held %v and holds %v", name, before, after)
		}
		if got := holds(t, filepath.Dir(dir)); len(got) != 1 {
			t.Errorf("%s: beside the folder there is %v", name, got)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	put(t, file, "mine")
	if err := Publish(context.Background(), file, generation(1)); err == nil || !strings.Contains(err.Error(), "it is a file") {
		t.Errorf("a file: %v", err)
	}
}

// What fails or is interrupted changes nothing, and leaves nothing.
func TestPublishFails(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "public")
	if err := Publish(context.Background(), dir, generation(0)); err != nil {
		t.Fatal(err)
	}
	interrupted, cancel := context.WithCancel(context.Background())
	cancel()
	for name, try := range map[string]func() error{
		"interrupted":   func() error { return Publish(interrupted, dir, generation(1)) },
		"a folder":      func() error { return Publish(context.Background(), dir, []File{{"../x.html", nil}}) },
		"two of a name": func() error { return Publish(context.Background(), dir, []File{{"x.html", nil}, {"x.html", nil}}) },
		"the manifest":  func() error { return Publish(context.Background(), dir, []File{{ManifestName, nil}}) },
		"a long name": func() error {
			return Publish(context.Background(), dir, append(generation(1), File{strings.Repeat("x", 300), nil}))
		},
	} {
		if err := try(); err == nil {
			t.Errorf("%s: no error", name)
		}
		if got := holds(t, dir); got["index.html"] != "generation 0" || len(got) != 3 {
			t.Errorf("%s: the site is %v", name, got)
		}
		if got := holds(t, filepath.Dir(dir)); len(got) != 1 {
			t.Errorf("%s: beside the site there is %v", name, got)
		}
	}
	if err := Publish(interrupted, dir, generation(1)); !errors.Is(err, context.Canceled) {
		t.Errorf("interrupted: %v", err)
	}
}

// What a killed publisher left is removed by the next, which waits for one that is alive.
func TestPublishRemovesWhatIsLeft(t *testing.T) {
	parent := t.TempDir()
	left, other := filepath.Join(parent, ".public.publishing-1"), filepath.Join(parent, ".publica.publishing-3")
	for _, dir := range []string{left, other} {
		put(t, filepath.Join(dir, "index.html"), "half")
	}
	lock, err := hold(context.Background(), parent)
	if err != nil {
		t.Fatal(err)
	}
	short, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if err := Publish(short, filepath.Join(parent, "public"), generation(1)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while another publishes: %v", err)
	}
	lock.Close()
	if err := Publish(context.Background(), filepath.Join(parent, "public"), generation(1)); err != nil {
		t.Fatal(err)
	}
	for dir, stays := range map[string]bool{left: false, other: true} {
		if _, err := os.Stat(dir); (err == nil) != stays {
			t.Errorf("%s: %v", dir, err)
		}
	}
}

// Readers always find a whole page, while several publish.
func TestPublishAtOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "public")
	if err := Publish(context.Background(), dir, generation(0)); err != nil {
		t.Fatal(err)
	}
	var writers sync.WaitGroup
	for w := range 3 {
		writers.Go(func() {
			for n := range 20 {
				if err := Publish(context.Background(), dir, generation(2*(20*w+n))); err != nil {
					t.Errorf("publish: %v", err)
				}
			}
		})
	}
	done := make(chan bool)
	go func() { writers.Wait(); close(done) }()
	for reads := 0; ; reads++ {
		text, err := os.ReadFile(filepath.Join(dir, "index.html"))
		if err != nil || !strings.HasPrefix(string(text), "generation ") {
			t.Fatalf("after %d reads: %q, %v", reads, text, err)
		}
		select {
		case <-done:
			if got := holds(t, filepath.Dir(dir)); len(got) != 1 {
				t.Errorf("beside the site there is %v", got)
			}
			return
		default:
		}
	}
}

// Where names cannot be exchanged, the old site is moved aside.
func TestAside(t *testing.T) {
	parent := t.TempDir()
	stage, dir := filepath.Join(parent, "stage"), filepath.Join(parent, "public")
	put(t, filepath.Join(stage, "index.html"), "new")
	put(t, filepath.Join(dir, "index.html"), "old")
	if err := aside(stage, dir); err != nil {
		t.Fatal(err)
	}
	if got := holds(t, dir); got["index.html"] != "new" || len(holds(t, parent)) != 1 {
		t.Errorf("%v, beside it %v", got, holds(t, parent))
	}
	if err := aside(stage, dir); err == nil || holds(t, dir)["index.html"] != "new" {
		t.Errorf("without a new site: %v, %v", err, holds(t, dir))
	}
}
