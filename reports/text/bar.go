package text

// Bars draw a share of a whole in one character each, the lowest first.
var Bars = []rune("▁▂▃▄▅▆▇█")

// Bar is the one of bars that stands for a share from 0 to 1.
func Bar(bars []rune, share float64) rune {
	return bars[min(int(share*float64(len(bars))), len(bars)-1)]
}
