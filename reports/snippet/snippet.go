// Package snippet writes the program text that makes a TUN/TAP device with given options, in
// Go and in C.
package snippet

import (
	"bytes"
	"embed"
	"fmt"
	"go/format"
	"strconv"
	"strings"
	"text/template"
)

//go:embed *.tmpl
var files embed.FS

var templates = template.Must(template.New("").ParseFS(files, "*.tmpl"))

// Names of the files.
const (
	GoName = "device.go"
	CName  = "device.c"
)

// device is what the axes of a scenario ask of a device.
type device struct {
	Name     string // of the device
	Words    string // the axes, for a comment
	TAP      bool
	Flags    []string // of TUNSETIFF
	Queues   int
	VnetHdr  int
	Offloads []offload
	SndBuf   int
	TxQLen   int
	NonBlock bool
	Notes    []string // what else there is to do
}

// offload is a flag of TUNSETOFFLOAD. Headers of older kernels do not have all of them.
type offload struct {
	Name  string
	Value int
}

// offloads of each value of the axis, as harness/tuntap has them (include/uapi/linux/if_tun.h).
var offloads = []struct {
	axis  string
	flags []offload
}{
	{"csum", []offload{{"TUN_F_CSUM", 0x01}}},
	{"tso", []offload{{"TUN_F_TSO4", 0x02}, {"TUN_F_TSO6", 0x04}, {"TUN_F_TSO_ECN", 0x08}}},
	{"uso", []offload{{"TUN_F_USO4", 0x20}, {"TUN_F_USO6", 0x40}}},
	{"tunnel", []offload{{"TUN_F_UDP_TUNNEL_GSO", 0x80}, {"TUN_F_UDP_TUNNEL_GSO_CSUM", 0x100}}},
}

// of reads the axes of a scenario, which hold every axis.
func of(axes map[string]string, words string) device {
	d := device{Name: "tun0", Words: words, Queues: 1, Flags: []string{"IFF_TUN"}, TAP: axes["mode"] == "tap"}
	if d.TAP {
		d.Name, d.Flags = "tap0", []string{"IFF_TAP"}
	}
	number := func(axis string) int {
		n, _ := strconv.Atoi(axes[axis]) // a word stands for the default
		return n
	}
	add := func(on bool, flag string) {
		if on {
			d.Flags = append(d.Flags, flag)
		}
	}
	d.Queues, d.VnetHdr, d.SndBuf = max(1, number("queues")), number("vnet"), number("sndbuf")
	add(axes["pi"] != "on", "IFF_NO_PI")
	add(d.VnetHdr > 0, "IFF_VNET_HDR")
	add(d.Queues > 1, "IFF_MULTI_QUEUE")
	add(axes["napi"] == "napi" || axes["napi"] == "frags", "IFF_NAPI")
	add(axes["napi"] == "frags", "IFF_NAPI_FRAGS")
	for i, o := range offloads {
		for _, upTo := range offloads[i:] {
			if axes["offload"] == upTo.axis {
				d.Offloads = append(d.Offloads, o.flags...)
			}
		}
	}
	if n := number("txqlen"); n != 0 && n != 500 {
		d.TxQLen = n
	}
	d.NonBlock = axes["io"] != "read" && axes["io"] != "readv"
	d.notes(axes)
	return d
}

func (d *device) notes(axes map[string]string) {
	switch axes["io"] {
	case "poll":
		d.Notes = append(d.Notes, "Read until EAGAIN, then wait with poll(2).")
	case "spin":
		d.Notes = append(d.Notes, "Read in a loop without waiting: it takes a whole CPU for each queue.")
	case "uring":
		d.Notes = append(d.Notes, "Read and write through an io_uring, one for each queue.")
	case "readv":
		d.Notes = append(d.Notes, "Read with readv(2): the headers into a buffer of their own.")
	case "vhost":
		d.Notes = append(d.Notes, "Give each descriptor to vhost-net: VHOST_NET_SET_BACKEND on /dev/vhost-net.")
	}
	if d.VnetHdr > 0 {
		d.Notes = append(d.Notes, fmt.Sprintf("Each packet that is read or written has a struct virtio_net_hdr of %d bytes before it.", d.VnetHdr))
	}
	if len(d.Offloads) > 1 {
		d.Notes = append(d.Notes, "Read with a buffer of 64 KiB: a packet may hold many segments, as its header says.")
	}
	if q := axes["qdisc"]; q != "" && q != "noqueue" {
		d.Notes = append(d.Notes, "Set the queueing discipline: tc qdisc replace dev "+d.Name+" root "+tc(q))
	}
}

// tc spells a value of the axis qdisc, such as fq_codel:limit=1000:ecn=off, as tc(8) takes it:
// fq_codel limit 1000 noecn.
func tc(qdisc string) string {
	kind, parameters, given := strings.Cut(qdisc, ":")
	words := []string{kind}
	if !given {
		return kind
	}
	for _, p := range strings.Split(parameters, ":") {
		switch name, value, _ := strings.Cut(p, "="); value {
		case "on":
			words = append(words, name)
		case "off":
			words = append(words, "no"+name)
		default:
			words = append(words, name, value)
		}
	}
	return strings.Join(words, " ")
}

// Go is a package main that makes the device.
func Go(axes map[string]string, words string) (string, error) {
	text, err := execute("device.go.tmpl", of(axes, words))
	if err != nil {
		return "", err
	}
	formatted, err := format.Source([]byte(text))
	if err != nil {
		return "", fmt.Errorf("write Go: %w", err)
	}
	return string(formatted), nil
}

// C is a program that makes the device.
func C(axes map[string]string, words string) (string, error) {
	return execute("device.c.tmpl", of(axes, words))
}

func execute(name string, d device) (string, error) {
	var b bytes.Buffer
	if err := templates.ExecuteTemplate(&b, name, d); err != nil {
		return "", fmt.Errorf("write %s: %w", strings.TrimSuffix(name, ".tmpl"), err)
	}
	return b.String(), nil
}
