package series

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ParseSince reads a day, a time, or a number of days before now.
func ParseSince(s string, now time.Time) (time.Time, error) {
	if days, ok := strings.CutSuffix(s, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 {
			return now.AddDate(0, 0, -n), nil
		}
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339Nano} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("--since %q: write a day like 2026-01-02, an RFC 3339 time, or days before now like 30d", s)
}
