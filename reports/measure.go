package reports

const (
	nowhere     within = iota // there is none
	spanned                   // the lowest and the highest trial
	confident                 // the 95 % interval of the median
	searchBound               // what the search left: the rate is not below low and not above high
)
