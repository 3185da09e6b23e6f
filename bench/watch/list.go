package watch

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"tunbench/harness/watch"
	documentwatch "tunbench/reports/document/watch"
	"tunbench/reports/live"
	"tunbench/reports/screen"
	"tunbench/reports/text"
)

// List shows all TUN/TAP devices of the host, in all network namespaces or in one. What is
// not known goes to stderr.
func List(stdout, stderr io.Writer, netns string, asJSON bool) error {
	list, gaps, err := watch.Find(netns)
	if err != nil {
		return err
	}
	for _, gap := range gaps {
		fmt.Fprintln(stderr, gap)
	}
	if asJSON {
		enc := json.NewEncoder(stdout)
		enc.SetEscapeHTML(false)
		for _, d := range list {
			if err := enc.Encode(live.Watch{Device: d.Record()}.Sealed().Device); err != nil {
				return fmt.Errorf("print list: %w", err)
			}
		}
		return nil
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(stdout, "no TUN/TAP device")
		return err
	}
	s := screen.Of(stdout)
	for i, d := range list {
		if i > 0 {
			fmt.Fprintln(stdout)
		}
		if err := describe(stdout, s, d); err != nil {
			return err
		}
	}
	return nil
}

// indent is how far what is known of a device stands from the left.
const indent = 4

// describe shows what is known of a device: a line with its name, and others below it.
func describe(to io.Writer, s screen.Screen, dev watch.Device) error {
	d := dev.Record()
	head := fmt.Sprintf("%s  %s in %s, %s, %s", d.Name, strings.ToUpper(d.Mode), namespace(dev), queues(d), state(d))
	lines := []string{
		fmt.Sprintf("mtu %d  qdisc %s  txqlen %d  vnet header %s", d.MTU, d.Qdisc, d.TxQLen, documentwatch.VnetText(d)) + bridge(d),
		"flags " + strings.Join(d.Flags, " "),
	}
	if len(d.Offloads) > 0 {
		lines = append(lines, "offloads "+strings.Join(d.Offloads, " "))
	}
	if d.Persistent || d.UID != nil || d.GID != nil {
		lines = append(lines, opener(d))
	}
	if len(d.Owners) == 0 {
		lines = append(lines, "nobody holds a queue")
	}
	for _, o := range d.Owners {
		lines = append(lines, documentwatch.OwnerText(o))
	}
	if _, err := fmt.Fprintln(to, s.Paint(screen.Strong, s.Text(head))); err != nil {
		return fmt.Errorf("print list: %w", err)
	}
	for _, l := range lines {
		for _, part := range screen.Wrap(s.Text(l), max(s.Columns-indent, 0), "  ") {
			if _, err := fmt.Fprintf(to, "%*s%s\n", indent, "", part); err != nil {
				return fmt.Errorf("print list: %w", err)
			}
		}
	}
	return nil
}

// namespace names where a device is, with the processes there.
func namespace(d watch.Device) string {
	n := d.Netns
	if n.Name == "" || len(n.PIDs) == 0 {
		return n.String()
	}
	return fmt.Sprintf("%s (pid %d)", n.Name, n.PIDs[0])
}

func queues(d live.Device) string {
	q := text.Plural(d.Queues, "queue", "queues")
	if d.Detached > 0 {
		q += fmt.Sprintf(" and %d detached", d.Detached)
	}
	return q
}

// state is down, or whether there is a carrier, which a device that is down does not show.
func state(d live.Device) string {
	switch {
	case !slices.Contains(d.Flags, "IFF_UP"):
		return "down"
	case d.Carrier:
		return "carrier"
	}
	return "no carrier"
}

// opener says who may open queues, and whether the device outlives them.
func opener(d live.Device) string {
	var list []string
	if d.Persistent {
		list = append(list, "persistent")
	}
	if d.UID != nil {
		list = append(list, fmt.Sprintf("owner uid %d", *d.UID))
	}
	if d.GID != nil {
		list = append(list, fmt.Sprintf("group gid %d", *d.GID))
	}
	return strings.Join(list, ", ")
}
