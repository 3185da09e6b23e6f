package kernel

import (
	"bufio"
	"fmt"
	"os"
	"strings"
)

// readConfig reads the options that are set in a .config.
func readConfig(path string) (map[string]string, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	options := map[string]string{}
	s := bufio.NewScanner(f)
	for s.Scan() {
		if key, value, ok := strings.Cut(s.Text(), "="); ok && strings.HasPrefix(key, "CONFIG_") {
			options[key] = strings.Trim(value, `"`)
		}
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	if len(options) == 0 {
		return nil, fmt.Errorf("%s sets no option", path)
	}
	return options, nil
}
