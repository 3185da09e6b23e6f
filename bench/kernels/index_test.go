package kernels

import "testing"

func TestFolderName(t *testing.T) {
	var taken []string
	for _, test := range []struct{ release, arg, want string }{
		{"6.1.0", "x", "6.1.0"}, {"6.1.0", "y", "6.1.0~2"}, {"6.1.0", "z", "6.1.0~3"},
		{"", "/a/bzImage", "bzImage"}, {"a/b c\n", "x", "a-b-c-"}, {"..", "x", "kernel"},
	} {
		got := folderName(test.release, test.arg, taken)
		if got != test.want {
			t.Errorf("folderName(%q, %q) = %q, want %q", test.release, test.arg, got, test.want)
		}
		taken = append(taken, got)
	}
}
