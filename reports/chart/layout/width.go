package layout

// Widths are those of ' ' to '~' in Helvetica and Arial, in thousandths of the size. Both
// are in the list of fonts that the charts ask for.
var Widths = [95]int{278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278,
	556, 556, 556, 556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556,
	1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556,
	333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584}

// Of estimates of widths: what other fonts need beside those of Widths, what bold letters
// need beside others, the width of a character that Widths lacks, and the size of the letters.
const (
	widerFont = 1.13
	Bolder    = 1.08
	widthElse = 0.6
	letter    = 12.0
)

// Width is an upper estimate of the width of s in letters of 12 units: texts are placed
// by it, since nothing here measures them.
func Width(s string) float64 {
	sum := 0.0
	for _, r := range s {
		if r >= ' ' && r <= '~' {
			sum += float64(Widths[r-' ']) / 1000
		} else {
			sum += widthElse
		}
	}
	return widerFont * letter * sum
}
