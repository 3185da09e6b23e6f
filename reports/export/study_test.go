package export

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tunbench/reports/document/study"
	"tunbench/reports/fixture"
	"tunbench/reports/record"
	"tunbench/reports/render"
	"tunbench/reports/verdict"

	figures "tunbench/reports/study"
)

// studied are kernels of two series: one has a step, the other none; one kernel is built
// with PREEMPT_RT.
func studied() (list []verdict.KernelBoots) {
	add := func(release, upstream string, scale float64, skips map[string]string) {
		k := guestRun{kernel: release, scale: scale, skips: skips}.boots(2)
		for boot, files := range k.Boots {
			k.Boots[boot] = files[:1]
			files[0].Run.Suite = "study"
			for i := range files[0].Trials { // so that two scenarios differ in their queues alone
				t := &files[0].Trials[i]
				t.Scenario = strings.Replace(t.Scenario, "/flows=4", "", 1)
			}
			files[0].Run.Host.KernelVersion = fmt.Sprintf("#1 SMP Debian %s-1 (2026-11-26)", upstream)
		}
		list = append(list, k)
	}
	old := map[string]string{lockstep[4].name: fixture.NoUSO}
	for i, scale := range []float64{1, 1, 1.02, 1.02} {
		add(fmt.Sprintf("6.1.0-%d-cloud-amd64", 54+i), fmt.Sprintf("6.1.%d", 180+i), scale, old)
	}
	add("6.12.115+deb12-cloud-amd64", "6.12.115", 0.75, nil)
	add("6.12.117+deb12-cloud-amd64", "6.12.117", 0.75, nil)
	add("6.12.117+deb12-amd64", "6.12.117", 0.76, nil)
	add("6.12.117+deb12-rt-amd64", "6.12.117", 0.9, nil)
	return list
}

// profiledStep are the two sides of a pair, each with a profile in which one function differs:
// two kernels, or one with two scenarios.
func profiledStep(p figures.Pair) *verdict.Lab {
	side := func(scenario string, cost float64) record.Profile {
		profile := record.Profile{Scenario: scenario, Unit: record.ProfileInstructions, Functions: []record.ProfileFunction{{Name: "tun_net_xmit", Of: "tun"}, {Name: "skb_release_data", Of: "kernel"}}}
		for block := range 5 {
			wobble := float64(block)
			profile.Blocks = append(profile.Blocks, record.ProfileBlock{Pkts: 1000, Cost: 1000 + cost + wobble, Sampled: 100})
			profile.Functions[0].Self = append(profile.Functions[0].Self, cost+wobble)
			profile.Functions[1].Self = append(profile.Functions[1].Self, 1000+wobble)
		}
		return profile
	}
	kernel := func(release string, profiles ...record.Profile) verdict.KernelBoots {
		f := &record.File{Run: &record.Run{Host: record.Host{Kernel: release}}, End: &record.End{}, Profiles: profiles}
		return verdict.KernelBoots{Name: release, Boots: [][]*record.File{{f}}}
	}
	if p.Other != "" {
		return verdict.NewLab([]verdict.KernelBoots{kernel(p.New, side(p.Scenario, 300), side(p.Other, 555))})
	}
	return verdict.NewLab([]verdict.KernelBoots{kernel(p.Base, side(p.Scenario, 300)), kernel(p.New, side(p.Scenario, 420))})
}

func studyVariants() map[string]study.Text {
	text := func(list []verdict.KernelBoots) study.Text {
		return study.Text{Study: figures.New(verdict.NewLab(list))}
	}
	whole := text(studied())
	whole.Profiles = map[string]*verdict.Lab{}
	for _, p := range figures.Pairs(whole.Study) {
		if !strings.Contains(p.New, "-rt-") { // which was not profiled
			whole.Profiles[p.Name] = profiledStep(p)
		}
	}
	whole.Archive = study.Archive{Date: "2026-11-30", Releases: []string{
		"6.1.0-50-cloud-amd64", "6.1.0-54-cloud-amd64", "6.1.0-55-cloud-amd64", "6.1.0-56-cloud-amd64", "6.1.0-57-cloud-amd64", "6.12.115+deb12-cloud-amd64", "6.12.117+deb12-cloud-amd64",
	}}
	lost := studied()[:3]
	lost[1].Boots[1] = nil
	lost[0].Name, lost[0].Boots[0][0].Run.Host.Kernel = "vmlinux", "vmlinux"
	for _, boot := range lost[2].Boots {
		boot[0].Run.Clock = "monotonic"
	}
	hostile := studied()
	for _, k := range hostile[4:] {
		for _, boot := range k.Boots {
			boot[0].Run.Host.Kernel, boot[0].Run.Suite, boot[0].Run.Tool.Version = fixture.Hostile, fixture.Hostile, fixture.Hostile
			boot[0].Skips = append(boot[0].Skips, record.Skip{Scenario: fixture.Hostile, Reason: fixture.Hostile, Detail: fixture.Hostile})
		}
	}
	for _, boot := range hostile[0].Boots {
		boot[0].Run.Host.KernelVersion = fixture.Hostile
		boot[0].Skips = append(boot[0].Skips, record.Skip{Scenario: fixture.Hostile, Reason: fixture.Hostile, Detail: fixture.Hostile})
	}
	return map[string]study.Text{
		"study": whole, "study-steady": text(studied()[:2]), "study-lost": text(lost), "study-hostile": text(hostile), "study-empty": text(nil),
	}
}

func TestStudyGolden(t *testing.T) {
	variants := map[string]map[string]string{}
	for name, of := range studyVariants() {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for range 2 { // over what is there, to the same bytes
				if err := render.WriteDocument(dir, of.Document()); err != nil {
					t.Fatal(err)
				}
			}
			var b bytes.Buffer
			if err := render.StudySummary(&b, of); err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(b.String(), "\x1b\u202e\r\t") {
				t.Error("control characters reach the terminal")
			}
			if err := os.WriteFile(filepath.Join(dir, "summary.txt"), b.Bytes(), 0o666); err != nil {
				t.Fatal(err)
			}
			files := fixture.Contents(t, dir)
			checkShape(t, files)
			if !strings.HasSuffix(name, "hostile") {
				variants[name] = files
			}
		})
	}
	fixture.Variations(t, "study", variants)
	if render.StudySummary(fixture.Failing{}, studyVariants()["study"]) == nil {
		t.Error("the writer's error is hidden")
	}
}
