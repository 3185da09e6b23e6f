package program

import (
	"strings"
	"testing"
	"time"
)

const least = `name: mine
ends:
  - command: [mine, -d, "{{.Device}}"]
    device: {kind: tun, name: "mine{{.DeviceNumber}}"}
`

func TestParse(t *testing.T) {
	f, err := Parse("mine.yaml", []byte(least))
	if err != nil {
		t.Fatal(err)
	}
	if e := f.End(1); e.Command[0] != "mine" || e.Ready.Within != 10*time.Second || e.Stop.Signal != "TERM" || e.Stop.Within != 3*time.Second {
		t.Errorf("%+v", e)
	}
	if f.Kind() != TUN || f.Overhead != 120 {
		t.Errorf("%+v", f)
	}
}

// Each error names the file, the line, the field and what to do.
func TestParseRefuses(t *testing.T) {
	for name, c := range map[string]struct{ from, to, want string }{
		"no name":        {"name: mine", "about: x", "mine.yaml: line 1: name: is missing: it is how"},
		"name":           {"name: mine", "name: My VPN", `mine.yaml: line 1: name: "My VPN" cannot be the name`},
		"none":           {"name: mine", "name: none", "cannot be the name"},
		"unknown field":  {"command:", "comand:", `mine.yaml: line 3: no field "comand" here: choose command, env,`},
		"no command":     {`[mine, -d, "{{.Device}}"]`, "[]", "mine.yaml: line 3: ends[0].command: is missing: give the program"},
		"kind":           {"kind: tun", "kind: tunnel", `mine.yaml: line 4: ends[0].device.kind: "tunnel": choose tun or tap`},
		"device's name":  {"mine{{.DeviceNumber}}", "a-name-that-is-too-long", "line 4: ends[0].device.name: \"a-name-that-is-too-long\": a device's name has 1 to 15"},
		"template field": {"{{.Device}}", "{{.Devise}}", "line 3: ends[0].command: template"},
		"template":       {"{{.Device}}", "{{.Device", "line 3: ends[0].command: template"},
		"ready":          {"    device:", "    ready: {when: [ready]}\n    device:", `line 4: ends[0].ready.when[0]: "ready": choose up, address or ping`},
		"line":           {"    device:", "    ready: {line: \"(\"}\n    device:", "line 4: ends[0].ready.line: error parsing regexp"},
		"within":         {"    device:", "    ready: {within: 1h}\n    device:", "line 4: ends[0].ready.within: 1h0m0s: choose up to 5m0s"},
		"no unit":        {"    device:", "    ready: {within: 5}\n    device:", `mine.yaml: line 4: "5" cannot stand here: write a time with its unit, such as 10s`},
		"no list":        {`[mine, -d, "{{.Device}}"]`, "mine -d", `mine.yaml: line 3: "mine -d" cannot stand here: write a list, such as [`},
		"no kind":        {`{kind: tun, name: "mine{{.DeviceNumber}}"}`, "mine0", `mine.yaml: line 4: "mine0" cannot stand here: write {kind: tun, name: tun0}`},
		"a list":         {"    device:", "    env: [A=b]\n    device:", "mine.yaml: line 4: a list cannot stand here: write names and texts"},
		"commands":       {"    device:", "    after: [ip, link]\n    device:", `mine.yaml: line 4: "ip" cannot stand here: write a list, such as`},
		"fields":         {"ends:", "ends: {command: [mine]}\nabout:", "mine.yaml: line 2: fields cannot stand here: write a list, of which"},
		"no number":      {"ends:", "overhead: lots\nends:", `mine.yaml: line 2: "lots" cannot stand here: write a whole number`},
		"empty command":  {`[mine, -d, "{{.Device}}"]`, `[""]`, "mine.yaml: line 3: ends[0].command: is missing: give the program"},
		"two kinds":      {"    device:", "    device: {kind: tap, name: x}\n  - command: [mine]\n    device:", `line 6: ends[1].device.kind: "tun": both ends make devices of one kind, and the first one's is "tap"`},
		"wrong kind":     {"    device:", "    device: {kind: tan, name: x}\n  - command: [mine]\n    device:", `line 4: ends[0].device.kind: "tan": choose tun or tap`},
		"signal":         {"    device:", "    stop: {signal: SIGTERM}\n    device:", `line 4: ends[0].stop.signal: "SIGTERM": choose TERM,`},
		"file":           {"    device:", "    files: {/etc/passwd: x}\n    device:", "line 4: ends[0].files./etc/passwd: a file is written into"},
		"private":        {"    device:", "    private: [run]\n    device:", "line 4: ends[0].private[0]: \"run\": give a folder's full name"},
		"after":          {"    device:", "    after: [[]]\n    device:", "line 4: ends[0].after[0]: is empty"},
		"no ends":        {"ends:", "about:", "mine.yaml: line"},
		"yaml":           {"ends:", "ends", "mine.yaml: "},
	} {
		text := strings.Replace(least, c.from, c.to, 1)
		if _, err := Parse("mine.yaml", []byte(text)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	three := least + strings.Repeat("  - command: [x]\n    device: {kind: tun, name: x}\n", 2)
	if _, err := Parse("x.yaml", []byte(three)); err == nil || !strings.Contains(err.Error(), "there are 3: a path has two ends") {
		t.Error(err)
	}
	if _, err := Parse("x.yaml", nil); err == nil || !strings.Contains(err.Error(), "the file is empty") {
		t.Error(err)
	}
}

func TestShips(t *testing.T) {
	for _, name := range Names() {
		f, err := Find(name)
		if err != nil {
			t.Error(err)
			continue
		}
		if f.About == "" || f.Install == "" {
			t.Errorf("%s does not say what it is, or how to install it", name)
		}
	}
	if _, err := Find("openvpnn"); err == nil || !strings.Contains(err.Error(), "choose fastd, n2n, openvpn") {
		t.Error(err)
	}
}

func TestAdd(t *testing.T) {
	mine := &File{Name: "test-add", Path: "/a.yaml"}
	if err := Add(mine); err != nil {
		t.Fatal(err)
	}
	if err := Add(&File{Name: "test-add", Path: "/a.yaml"}); err != nil {
		t.Error(err)
	}
	if err := Add(&File{Name: "test-add", Path: "/b.yaml"}); err == nil || !strings.Contains(err.Error(), "/b.yaml: name: test-add is that of /a.yaml, too") {
		t.Error(err)
	}
	if err := Add(&File{Name: "openvpn", Path: "/c.yaml"}); err == nil || !strings.Contains(err.Error(), "ships with tunbench") {
		t.Error(err)
	}
}
