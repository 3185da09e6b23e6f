package record

import (
	"cmp"
	"regexp"
)

// numbered matches a drop reason that an older tunbench could not name.
var numbered = regexp.MustCompile(`^reason [0-9]+$`)

// nameReasons adds the kernel to the drop reasons of t that are stored as numbers: in
// another kernel each stands for another reason.
func nameReasons(t *Trial, kernel string) {
	maps := []map[string]uint64{t.Accounting.Dropped}
	for _, d := range t.Directions {
		maps = append(maps, d.Accounting.Dropped)
	}
	for _, h := range t.Hops {
		maps = append(maps, h.Dropped)
	}
	for _, dropped := range maps {
		for reason, n := range dropped {
			if numbered.MatchString(reason) {
				delete(dropped, reason)
				dropped[reason+" of "+cmp.Or(kernel, "an unknown kernel")] = n
			}
		}
	}
}
