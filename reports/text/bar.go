package text

// Bars are the characters that draw a share of a whole, the lowest first.
var Bars = []rune("▁▂▃▄▅▆▇█")

// Bar returns the character of bars for a share from 0 to 1.
func Bar(bars []rune, share float64) rune {
	return bars[min(int(share*float64(len(bars))), len(bars)-1)]
}
