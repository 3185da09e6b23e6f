package metric

import (
	"testing"

	"tunbench/reports/record"
)

// A cost has the unit that its verdict says: in virtual time it is no time.
func TestFigureText(t *testing.T) {
	cost, rate := 4181.0, 251_000.0
	for _, test := range []struct {
		verdict record.Verdict
		figure  *float64
		want    string
	}{
		{record.Verdict{Metric: record.CPUNsPerPkt, Unit: "ns"}, &cost, "4,181 ns"},
		{record.Verdict{Metric: record.CPUNsPerPkt, Unit: Instructions}, &cost, "4,181 instructions"},
		{record.Verdict{Metric: record.PPS, Unit: "packets/s"}, &rate, "251 kpps"},
		{record.Verdict{Metric: record.CPUNsPerPkt, Unit: Instructions}, nil, "–"},
	} {
		if got := FigureText(test.verdict, test.figure); got != test.want {
			t.Errorf("%+v: %q, want %q", test.verdict, got, test.want)
		}
	}
}
