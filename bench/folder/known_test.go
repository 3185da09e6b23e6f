package folder

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tunbench/reports/record"
)

func TestCheckKnown(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, record.FileName)
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	f := &record.File{
		Run:      &record.Run{Schema: record.Schema},
		Trials:   []record.Trial{{Scenario: "Tun/size=64", Arm: record.Bare, Pair: 1, Trial: 1}},
		Profiles: []record.Profile{{Scenario: "Tun/size=64", Unit: record.ProfileNs}},
		End:      &record.End{},
	}
	if err := f.Write(record.NewWriter(&b)); err != nil {
		t.Fatal(err)
	}
	for _, around := range [][2]string{{"", ""}, {"", `{"kind":"tri`}, {"\ufeff", "\n"}} {
		write(around[0] + b.String() + around[1])
		if err := CheckKnown(dir); err != nil {
			t.Errorf("with %q around it: %v", around, err)
		}
	}
	for line, want := range map[string]string{
		`{"kind":"trial","colour":1}`: `line 5: json: unknown field "colour": use the tunbench that measured it`,
		`{"kind":"weather"}`:          `line 5: kind "weather" is not known`,
	} {
		write(b.String() + line + "\n")
		if err := CheckKnown(path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
	if err := CheckKnown(filepath.Join(dir, "none")); err == nil {
		t.Error("no error for a file that is not there")
	}
}
