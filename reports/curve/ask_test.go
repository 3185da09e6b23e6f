package curve

import (
	"fmt"
	"strings"
	"testing"

	"tunbench/reports/record"
)

func TestParseAsk(t *testing.T) {
	a, err := ParseAsk("x=size,y=bit_per_s,by=vnet+offload,io=read,poll,dir=k2u,qdisc=fq_codel:limit=1000")
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(a.X, " ", a.Y, " ", a.By, " ", a.Keep); got != "size bit_per_s [vnet offload] map[dir:[k2u] io:[read poll] qdisc:[fq_codel:limit=1000]]" {
		t.Errorf("%s", got)
	}
	for ask, want := range map[string]string{
		"":                            `"" is no KEY=VALUE: write x=AXIS,y=METRIC,by=AXIS`,
		"x=size":                      "x= or y= is missing",
		"y=pps,by=vnet":               "x= or y= is missing",
		"x=size,y=pps,by":             `"by" is no KEY=VALUE`,
		"x=size,y=":                   `"y=" is no KEY=VALUE`,
		"x=size,y=pps,y=loss":         "y= is given twice: repeat --plot",
		"x=sizes,y=pps":               `no axis "sizes": choose mode, path`,
		"x=size,y=pps,by=header":      `no axis "header"`,
		"x=size,y=pps,colour=red":     `no axis "colour"`,
		"x=size,y=pps,by=size":        "size cannot be both x and by",
		"x=size,y=pps,by=vnet+header": `no axis "header"`,
	} {
		if _, err := ParseAsk(ask); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", ask, err, want)
		}
	}
}

// choices is a run of many combinations.
func choices() *record.File {
	rates := map[string][]float64{}
	for _, dir := range []string{"k2u", "u2k"} {
		for i, size := range []string{"64", "1500", "imix"} {
			for j, header := range []string{"", "/vnet=10", "/vnet=10/offload=uso"} {
				rates["Tun/dir="+dir+"/gen=udp/queues=1/size="+size+header] = []float64{float64(10*i + j + 1)}
			}
		}
	}
	f := file(record.PPS, rates)
	for i := range f.Trials {
		axes := f.Trials[i].Axes
		for _, a := range []string{"vnet", "offload"} {
			if axes[a] == "" {
				axes[a] = map[string]string{"vnet": "off", "offload": "none"}[a]
			}
		}
	}
	return f
}

func TestAsk(t *testing.T) {
	f := choices()
	f.Trials[0].Metrics[record.Loss] = 0.25 // of one scenario
	for _, tt := range []struct{ ask, want, err string }{
		{"x=size,y=pps,by=vnet+offload,dir=k2u", "pps over size by vnet+offload of TUN dir=k2u gen=udp queues=1: [vnet=off 64:1 1500:11] [vnet=10 64:2 1500:12] [vnet=10 offload=uso 64:3 1500:13]", ""},
		{"x=size,y=pps,dir=k2u,vnet=off", "pps over size by  of TUN dir=k2u gen=udp queues=1: [ 64:1 1500:11]", ""},
		// What vnet decides is not a difference of its own.
		{"x=size,y=pps,by=vnet,dir=k2u,offload=uso,none,size=64,1500", "", `also differ in offload (none, uso): keep one value of each, such as by adding offload=none, or draw a line for each value with by=vnet+offload`},
		{"x=size,y=pps,by=dir,vnet=10,offload=uso", "pps over size by dir of TUN gen=udp queues=1 vnet=10 offload=uso: [dir=k2u 64:3 1500:13] [dir=u2k 64:3 1500:13]", ""},
		{"x=size,y=pps", "", "also differ in dir (k2u, u2k) and vnet (off, 10) and offload (none, uso): keep one value of each, such as by adding dir=k2u,vnet=off,offload=none, or draw a line for each value of one of them with by=dir"},
		{"x=size,y=speed,dir=k2u", "", `no scenario has a metric "speed": choose pps, loss`},
		{"x=size,y=tps,dir=k2u", "", `no scenario has a metric "tps": choose pps, loss`},
		{"x=queues,y=pps,dir=k2u", "", "queues has fewer than two numbers in these scenarios (1): choose size (64, 1500)"},
		{"x=gen,y=pps,dir=k2u", "", "gen has fewer than two numbers in these scenarios (udp): choose size"},
		{"x=size,y=pps,dir=both", "", "no scenario has dir=both: this run has k2u, u2k"},
		{"x=size,y=pps,size=64", "", "size has fewer than two numbers in these scenarios (64): no axis has two numbers here"},
		{"x=size,y=loss,by=vnet+offload,dir=" + f.Trials[0].Axes["dir"], "", "no line has two points"},
		{"x=size,y=pps,by=dir+vnet+offload", "", "6 lines, and a chart can tell 5 apart: keep some of the values of dir (k2u, u2k), such as by adding dir=k2u,u2k"},
	} {
		a, err := ParseAsk(tt.ask)
		if err != nil {
			t.Fatal(err)
		}
		c, err := a.Of(f, scenariosOf(f))
		switch {
		case tt.err != "":
			if err == nil || !strings.Contains(err.Error(), tt.err) || !strings.Contains(err.Error(), tt.ask) {
				t.Errorf("%s: %v, want %q", tt.ask, err, tt.err)
			}
		case err != nil:
			t.Errorf("%s: %v", tt.ask, err)
		case said(c) != tt.want:
			t.Errorf("%s: %s, want %s", tt.ask, said(c), tt.want)
		case len(c.Left) != 1 || c.Left[0] != "imix":
			t.Errorf("%s: left out %q", tt.ask, c.Left)
		}
	}
}

// Of a header and the offload that always goes with it, either names the lines.
func TestAskUnited(t *testing.T) {
	f := choices()
	f.Trials = append([]record.Trial{}, f.Trials...)
	kept := f.Trials[:0]
	for _, trial := range f.Trials {
		if trial.Axes["vnet"] == "off" || trial.Axes["offload"] == "uso" {
			kept = append(kept, trial)
		}
	}
	f.Trials = kept
	a, err := ParseAsk("x=size,y=pps,by=vnet,dir=k2u")
	if err != nil {
		t.Fatal(err)
	}
	c, err := a.Of(f, scenariosOf(f))
	if err != nil || said(c) != "pps over size by vnet+offload of TUN dir=k2u gen=udp queues=1: [vnet=off 64:1 1500:11] [vnet=10 offload=uso 64:3 1500:13]" {
		t.Errorf("%s, %v", said(c), err)
	}
}

// A plot of loads stands at offered rates, and has the rates to compare it with only where it
// has one line.
func TestAskLoads(t *testing.T) {
	f := openLoops()
	for ask, marks := range map[string]int{"x=load,y=p99,by=io": 0, "x=load,y=e2e_p99.9,io=read": 2, "x=load,y=pps,io=read": 0} {
		a, err := ParseAsk(ask)
		if err != nil {
			t.Fatal(err)
		}
		c, err := a.Of(f, scenariosOf(f))
		if err != nil || len(c.Marks) != marks || c.Lines[0].Points[0].X != 1e5 {
			t.Errorf("%s: %s, %v", ask, said(c), err)
		}
	}
	for i := range f.Trials {
		f.Trials[i].Variant = "a"
	}
	a, _ := ParseAsk("x=load,y=p99,by=io")
	if _, err := a.Of(f, scenariosOf(f)); err == nil || !strings.Contains(err.Error(), "holds two variants") {
		t.Errorf("of tunbench ab: %v", err)
	}
}
