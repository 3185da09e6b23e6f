package export

import (
	"regexp"
	"strings"
	"testing"

	"tunbench/reports/document/run"
	"tunbench/reports/fixture"
	"tunbench/reports/render"
)

// The words below tables and charts name what the observer was attached to, and not what it
// would have been attached to with another hook.
func TestCaptionsNameTheHook(t *testing.T) {
	attached := regexp.MustCompile(`tun_net_xmit|tun_do_read|tun_get_user|net_dev_start_xmit`)
	for hook, want := range map[string]string{"tracepoint": "net_dev_start_xmit", "kprobe": "tun_net_xmit"} {
		f := fixture.Synthetic()
		f.Run.Hook.Used, f.Run.Hook.Programs, f.Run.Hook.PassedOver = hook, nil, nil
		for _, full := range []bool{false, true} {
			var all strings.Builder
			d := run.With(f, run.Options{Full: full})
			if err := render.Markdown(&all, d, render.Options{}); err != nil {
				t.Fatal(err)
			}
			for _, p := range d.Pictures() {
				title, desc := p.Chart.Head()
				all.WriteString(title + " " + desc + " " + p.Alt)
			}
			names := attached.FindAllString(strings.ReplaceAll(all.String(), `\_`, "_"), -1)
			if len(names) < 2 {
				t.Errorf("%s: only %d captions name a point", hook, len(names))
			}
			for _, got := range names {
				if got != want {
					t.Errorf("%s, full %v: the report names %s", hook, full, got)
					break
				}
			}
		}
	}
}
