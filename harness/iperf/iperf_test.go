package iperf

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// fake puts a program of that name into PATH.
func fake(t *testing.T, script string) {
	t.Helper()
	dir := t.TempDir()
	if script != "" {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("#!/bin/sh\n"+script+"\n"), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("PATH", dir)
}

func TestFind(t *testing.T) {
	for script, want := range map[string]string{
		"echo 'iperf 3.12 (cJSON 1.7.15)'; echo 'Linux vm'": "3.12",
		"echo 'iperf 3.1.3'; exit 1":                        "3.1.3",
		"echo 'iperf 3.17.1+ (cJSON 1.7.15)'":               "3.17.1+",
		"echo 'iperf 3.0.12'":                               "",
		"echo 'iperf version 2.1.8'":                        "",
		"exit 1":                                            "",
		"":                                                  "",
	} {
		fake(t, script)
		p, err := Find()
		if missing := new(MissingError); want == "" {
			if !errors.As(err, &missing) || !strings.Contains(missing.Detail, "install") {
				t.Errorf("%q: %+v, %v", script, p, err)
			}
			continue
		}
		if err != nil || p.Version != want {
			t.Errorf("%q: %+v, %v, want version %s", script, p, err, want)
		}
	}
}

func TestCan(t *testing.T) {
	for _, c := range []struct {
		minor int
		both  bool
		can   bool
	}{{1, false, true}, {6, true, false}, {7, true, true}, {12, true, true}} {
		p := Program{Path: "x", major: 3, minor: c.minor}
		if err := p.Can(Test{Both: c.both}); (err == nil) != c.can {
			t.Errorf("3.%d, both %v: %v", c.minor, c.both, err)
		}
	}
}

func TestProcess(t *testing.T) {
	allowed := []int{0}
	fake(t, `case $1 in
--version) echo 'iperf 3.9' ;;
-s) exec /bin/sleep 60 ;;
*) echo '{"error": "unable to connect"}'; echo oops >&2; exit 1 ;;
esac`)
	p, err := Find()
	if err != nil {
		t.Fatal(err)
	}
	test := Test{Streams: 3, Seconds: 2, Omit: 1, Both: true}
	c, err := p.Client(test, allowed)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Args[2:], []string{"-J", "-P", "3", "-t", "2", "-O", "1", "--bidir"}) {
		t.Errorf("args %q", c.Args)
	}
	if _, err := c.Result(); err == nil || !strings.Contains(err.Error(), "unable to connect: oops") {
		t.Errorf("a client that cannot connect: %v", err)
	}
	if ns, err := c.CPUTime(); err != nil || ns < 0 {
		t.Errorf("CPU time of a process that has ended: %d ns, %v", ns, err)
	}
	s, err := p.Serve(test.To, allowed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.CPUTime(); err != nil {
		t.Error(err)
	}
	select {
	case <-s.Done():
		t.Fatalf("the server has ended: %v", s.Err())
	case <-time.After(10 * time.Millisecond):
	}
	s.Kill()
	s.Kill()
	if err := s.Err(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Errorf("a server that was killed: %v", err)
	}
	if _, err := p.Client(test, []int{1023}); err == nil {
		t.Error("a CPU that does not exist was taken")
	}
}

const ended = `"sum_sent":{"seconds":1,"bytes":250,"bits_per_second":2000,"retransmits":3},
"sum_received":{"seconds":1,"bytes":125,"bits_per_second":1000},
"cpu_utilization_percent":{"host_total":50,"remote_total":25}`

func TestParse(t *testing.T) {
	for text, says := range map[string]string{
		`{"end":{` + ended + `}}`:                     "",
		`{"error":"interrupt","end":{` + ended + `}}`: "interrupt",
		`{"end":{"sum_sent":{"seconds":1}}}`:          "sum_received",
		`{"start":{}}`:                                "no end",
		`iperf3: error`:                               "JSON",
		``:                                            "JSON",
		`{"end":{` + ended + `,"sum_sent_bidir_reverse":{"seconds":1}}}`:      "half",
		`{"end":{` + strings.ReplaceAll(ended, `"seconds":1`, `"x":1`) + `}}`: "in 0 s",
	} {
		r, err := Parse([]byte(text))
		if says == "" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %+v, %v, want an error with %q", text, r, err, says)
		}
	}
	r, err := Parse([]byte(`{"end":{"streams":[{"sender":{"mean_rtt":100,"sender":true}},{"sender":{"mean_rtt":300}},{"sender":{"mean_rtt":7,"sender":false}}],` + ended +
		`,"sum_sent_bidir_reverse":{"bits_per_second":7,"retransmits":2},"sum_received_bidir_reverse":{"bits_per_second":6}}}`))
	if err != nil {
		t.Fatal(err)
	}
	for figure, want := range map[string]float64{
		"mean_rtt": 200, "sum_sent.retransmits": 3, "sum_received.bits_per_second": 1000,
		"sum_received_bidir_reverse.bits_per_second": 6, "cpu_utilization_percent.remote_total": 25,
	} {
		if got := r.Figures()[figure]; got != want {
			t.Errorf("%s is %v, want %v", figure, got, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"end":{` + ended + `}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		r, err := Parse(text)
		if (r == nil) == (err == nil) {
			t.Fatalf("%v, %v", r, err)
		}
		if r != nil {
			r.Figures()
		}
	})
}
