package raster

import "math"

// rounded are the corners of a rectangle; with a radius, those of its rounded corners too.
func rounded(x, y, w, h, r float64) [][2]float64 {
	if r <= 0 {
		return [][2]float64{{x, y}, {x + w, y}, {x + w, y + h}, {x, y + h}}
	}
	var list [][2]float64
	for i, c := range [][2]float64{{x + w - r, y + h - r}, {x + r, y + h - r}, {x + r, y + r}, {x + w - r, y + r}} {
		const steps = 6
		for s := range steps + 1 {
			a := (float64(i) + float64(s)/steps) * math.Pi / 2
			list = append(list, [2]float64{c[0] + r*math.Cos(a), c[1] + r*math.Sin(a)})
		}
	}
	return list
}

// disc is a circle as a polygon; negative runs the other way round.
func disc(x, y, r float64, negative bool) [][2]float64 {
	const corners = 48
	list := make([][2]float64, corners)
	for i := range list {
		a := 2 * math.Pi * float64(i) / corners
		if negative {
			a = -a
		}
		list[i] = [2]float64{x + r*math.Cos(a), y + r*math.Sin(a)}
	}
	return list
}

// dashed are the pieces of a line of that length, from the place at on in its dashes.
func dashed(length, at float64, dashes []float64) (pieces [][2]float64) {
	if dashes == nil {
		return [][2]float64{{0, length}}
	}
	sum := 0.0
	for _, d := range dashes {
		sum += d
	}
	for start := -math.Mod(at, sum); start < length; start += sum {
		from := start
		for i, d := range dashes {
			if low, high := max(from, 0), min(from+d, length); i%2 == 0 && low < high {
				pieces = append(pieces, [2]float64{low, high})
			}
			from += d
		}
	}
	return pieces
}

// bar is the rectangle about a piece of a line from a on, in the direction dir.
func bar(a, dir [2]float64, from, to, half float64) [][2]float64 {
	side := [2]float64{-dir[1] * half, dir[0] * half}
	x1, y1 := a[0]+dir[0]*from, a[1]+dir[1]*from
	x2, y2 := a[0]+dir[0]*to, a[1]+dir[1]*to
	return [][2]float64{{x1 - side[0], y1 - side[1]}, {x2 - side[0], y2 - side[1]}, {x2 + side[0], y2 + side[1]}, {x1 + side[0], y1 + side[1]}}
}
