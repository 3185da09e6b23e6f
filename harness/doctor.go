package harness

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"tunbench/bpf"
	"tunbench/harness/host"
	"tunbench/harness/netns"
	"tunbench/harness/tuntap"
)

// Report is what a host can do, section by section.
type Report struct {
	Sections []Section `json:"sections"`
}

// Section is a table of things that were tried.
type Section struct {
	Title string `json:"title"`
	Rows  []Row  `json:"rows"`
}

// Status of a Row.
const (
	StatusOK          = "ok"
	StatusUsed        = "used"        // ok, and what a run would take
	StatusUnsupported = "unsupported" // the kernel said no
	StatusFailed      = "failed"      // it could not be tried
	StatusWarning     = "warning"     // it would spoil a measurement
)

// Row is one thing that was tried, and what to do about it.
type Row struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Detail string `json:"detail,omitempty"`
	Advice string `json:"advice,omitempty"`
}

// Doctor tries everything that a run may need, in the order in which a person
// should mend it.
func Doctor(ctx context.Context) (Report, error) {
	report := Report{Sections: []Section{
		{"Privileges", privilegeRows()},
		{"Observer", observerRows()},
	}}
	options, existing := deviceRows()
	report.Sections = append(report.Sections,
		Section{"TUN/TAP options", options},
		Section{"What would spoil a measurement now", spoilerRows()},
		Section{"TUN/TAP devices of this host", existing},
	)
	return report, ctx.Err()
}

func privilegeRows() []Row {
	missing := host.Capabilities()
	if len(missing) == 0 {
		return []Row{{Name: "capabilities", Status: StatusOK, Detail: "all that a full measurement needs"}}
	}
	return []Row{{
		Name: "capabilities", Status: StatusFailed, Detail: "missing: " + strings.Join(missing, ", "),
		Advice: "run as root; or measure without the observer: tunbench run --userns",
	}}
}

func observerRows() (rows []Row) {
	loadModule()
	used := false
	for _, h := range bpf.Ladder {
		row := Row{Name: string(h), Status: StatusOK, Detail: "would hold, a rung above is used"}
		if err := bpf.Try(h); err != nil {
			row.Status, row.Detail = StatusUnsupported, hookReason(err)
		} else if !used {
			used = true
			row.Status = StatusUsed
			var on []string
			for _, p := range bpf.Programs(h) {
				on = append(on, p.Kind+":"+p.Target)
			}
			row.Detail = "attaches to " + strings.Join(on, ", ")
		}
		rows = append(rows, row)
	}
	return rows
}

var statuses = map[tuntap.Status]string{
	tuntap.Supported: StatusOK, tuntap.Unsupported: StatusUnsupported, tuntap.Failed: StatusFailed,
}

// deviceRows probes the options in a fresh namespace, and lists the devices of
// the namespace of the caller.
func deviceRows() (options, existing []Row) {
	found, err := probeOptions()
	if err != nil {
		options = []Row{{Name: "/dev/net/tun", Status: StatusFailed, Detail: err.Error()}}
	}
	for _, o := range found {
		detail := o.Call
		if o.Errno != "" {
			detail += ": " + o.Errno
		}
		if o.Detail != "" {
			detail += " (" + o.Detail + ")"
		}
		options = append(options, Row{Name: o.Name, Status: statuses[o.Status], Detail: detail + ", since " + o.Since})
	}
	devices, err := tuntap.List()
	if err != nil {
		return options, []Row{{Name: "list", Status: StatusFailed, Detail: err.Error()}}
	}
	for _, d := range devices {
		existing = append(existing, Row{Name: d.Name, Status: StatusOK, Detail: describe(d)})
	}
	return options, existing
}

func probeOptions() (options []tuntap.Option, err error) {
	ns, err := netns.New()
	if err != nil {
		return nil, err
	}
	programs := tuntap.Programs{}
	if prog, err := bpf.LoadSteering(bpf.SteerHash); err == nil {
		defer prog.Close()
		programs.Steering = prog.FD()
	}
	err = ns.Do(func() error {
		options, err = tuntap.Probe(programs)
		return err
	})
	return options, errors.Join(err, ns.Close())
}

func spoilerRows() (rows []Row) {
	spoilers := host.Spoilers()
	slices.SortStableFunc(spoilers, func(a, b host.Spoiler) int {
		return boolOrder(b.Bad) - boolOrder(a.Bad)
	})
	for _, s := range spoilers {
		row := Row{Name: s.Name, Status: StatusOK, Detail: s.Detail, Advice: s.Advice}
		if s.Bad {
			row.Status = StatusWarning
		}
		rows = append(rows, row)
	}
	return rows
}

func boolOrder(b bool) int {
	if b {
		return 1
	}
	return 0
}

// describe shows a device as ip tuntap does.
func describe(d tuntap.Existing) string {
	words := tuntap.FlagNames(d.Flags)
	words = append(words, fmt.Sprintf("%d queues", d.Queues))
	if d.DisabledQueues > 0 {
		words = append(words, fmt.Sprintf("%d detached", d.DisabledQueues))
	}
	if d.Owner != nil {
		words = append(words, fmt.Sprintf("user %d", *d.Owner))
	}
	if d.Group != nil {
		words = append(words, fmt.Sprintf("group %d", *d.Group))
	}
	if !d.Up {
		words = append(words, "down")
	}
	return strings.Join(words, " ")
}
