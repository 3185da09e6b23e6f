package program

import (
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"
)

// Place is where one end runs: what the templates of a program file may name.
type Place struct {
	Host, Peer   string // a or b, and the other one
	First        bool   // whether this is host a
	Dir          string // temporary folder, which both ends share
	Here         string // folder of the program file
	Device       string // that this end makes
	PeerDevice   string
	DeviceNumber int // 0 or 1

	// Address is that of the device, PeerAddress that of the other one; with Prefix, the
	// length of their common prefix, and Netmask, the same in IPv4's other spelling.
	Address, PeerAddress netip.Addr
	Prefix               int
	Netmask              string
	// Underlay is the address on the link between the two hosts.
	Underlay, PeerUnderlay netip.Addr
	Link                   string // the device of that link
	Port, PeerPort         int    // of UDP or TCP, free on both hosts
	MAC                    string // that a TAP device may have
	MTU                    int    // of the device in bytes
	TxQueueLen             int
	IPv6                   bool // the addresses of the devices are of IPv6
}

// netmask is the netmask of so many bits; "" for IPv6.
func netmask(a netip.Addr, bits int) string {
	if !a.Is4() {
		return ""
	}
	m := ^uint32(0) << (32 - bits)
	return fmt.Sprintf("%d.%d.%d.%d", byte(m>>24), byte(m>>16), byte(m>>8), byte(m))
}

// rendered is an End without templates.
type rendered struct {
	command []string
	env     []string
	after   [][]string
}

// renderer fills templates in. With check, no file is read.
type renderer struct {
	place Place
	check bool
}

// functions are those that templates may call, besides the built-in ones.
func (r renderer) functions() template.FuncMap {
	return template.FuncMap{
		// file is the text of a file of the temporary folder, without the last newline.
		"file": func(name string) (string, error) {
			if r.check {
				return "", nil
			}
			b, err := os.ReadFile(filepath.Join(r.place.Dir, name))
			return strings.TrimSuffix(string(b), "\n"), err
		},
	}
}

func (r renderer) text(text string) (string, error) {
	t, err := template.New("").Option("missingkey=error").Funcs(r.functions()).Parse(text)
	if err != nil {
		return "", templateError(err)
	}
	var b strings.Builder
	if err := t.Execute(&b, r.place); err != nil {
		return "", templateError(err)
	}
	return b.String(), nil
}

// templateError leaves out what a template without a name calls itself.
func templateError(err error) error {
	text := strings.TrimPrefix(err.Error(), "template: ")
	return fmt.Errorf("template %s; the fields are %s", strings.TrimLeft(text, ":0123456789 "), placeFields)
}

const placeFields = ".Host .Peer .First .Dir .Here .Device .PeerDevice .DeviceNumber .Address .PeerAddress .Prefix .Netmask .Underlay .PeerUnderlay .Link .Port .PeerPort .MAC .MTU .TxQueueLen .IPv6, and `file \"NAME\"`"

func (r renderer) list(texts []string) ([]string, error) {
	var list []string
	for i, text := range texts {
		s, err := r.text(text)
		if err != nil {
			return nil, &itemError{i, err}
		}
		list = append(list, s)
	}
	return list, nil
}

// itemError is an error about an item of a list.
type itemError struct {
	item int
	err  error
}

func (e *itemError) Error() string { return e.err.Error() }
func (e *itemError) Unwrap() error { return e.err }

// end renders the commands of an end, and its environment.
func (r renderer) end(e End) (out rendered, err error) {
	if out.command, err = r.list(e.Command); err != nil {
		return out, err
	}
	for _, name := range slices.Sorted(maps.Keys(e.Env)) {
		value, err := r.text(e.Env[name])
		if err != nil {
			return out, fmt.Errorf("env.%s: %w", name, err)
		}
		out.env = append(out.env, name+"="+value)
	}
	for _, command := range e.After {
		list, err := r.list(command)
		if err != nil {
			return out, fmt.Errorf("after: %w", err)
		}
		out.after = append(out.after, list)
	}
	return out, nil
}

const mostName = 15 // IFNAMSIZ less the zero byte

var (
	hosts   = Hosts
	example = netip.MustParseAddr("198.18.0.1")
)

// Hosts are the names of the two hosts.
var Hosts = [2]string{"a", "b"}
