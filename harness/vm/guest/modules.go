package guest

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// keepModules moves the files of TUN and of the modules that use it to where modprobe(8)
// looks for them: what exchanges TUN for another build puts the original back from there.
// The other files are removed, which frees their memory: the kernel has a copy.
func keepModules(files []string) error {
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return fmt.Errorf("uname: %w", err)
	}
	folder := filepath.Join("/lib/modules", unix.ByteSliceToString(name.Release[:]))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return fmt.Errorf("keep modules: %w", err)
	}
	var index strings.Builder
	for _, file := range files {
		_, name, _ := strings.Cut(filepath.Base(file), "-")
		module, needs := strings.TrimSuffix(name, ".ko"), ""
		switch _, err := os.Lstat("/sys/module/tun/holders/" + module); {
		case err == nil:
			needs = " tun.ko"
		case module != "tun":
			if err := os.Remove(file); err != nil {
				return fmt.Errorf("keep modules: %w", err)
			}
			continue
		}
		if err := os.Rename(file, filepath.Join(folder, name)); err != nil {
			return fmt.Errorf("keep modules: %w", err)
		}
		fmt.Fprintf(&index, "%s:%s\n", name, needs)
	}
	if index.Len() == 0 {
		return nil // TUN is built in
	}
	if err := os.WriteFile(filepath.Join(folder, "modules.dep"), []byte(index.String()), 0o644); err != nil {
		return fmt.Errorf("keep modules: %w", err)
	}
	return nil
}
