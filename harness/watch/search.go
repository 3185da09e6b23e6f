package watch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"tunbench/harness/netns"
)

// GoneError means that the device went away.
type GoneError struct{ Device, Netns string }

func (e *GoneError) Error() string {
	return fmt.Sprintf("%s in %s has gone away (--wait waits for another)", e.Device, e.Netns)
}

// find finds the device that o means, for which and for whose namespace it waits if it is to,
// and joins the namespace.
func find(ctx context.Context, o Options) (d Device, ns *netns.NS, waited bool, err error) {
	said := ""
	for {
		d, err = search(o)
		if err == nil {
			ns, err = d.Netns.join()
		}
		if err == nil {
			return d, ns, waited, nil
		}
		var noDevice *missingError
		var noNetns *missingNetnsError
		format, name := "%s: waiting for it", o.Device
		switch {
		case errors.Is(err, os.ErrNotExist) && ctx.Err() == nil: // since the device was found in it
			continue
		case !o.Wait:
			return d, nil, waited, err
		case errors.As(err, &noDevice):
		case errors.As(err, &noNetns):
			format, name = "there is no network namespace %q: waiting for it", o.Netns
		default:
			return d, nil, waited, err
		}
		waited = true
		if format != said {
			o.Say(format, name)
			said = format
		}
		sleep(ctx, lookEvery)
		if ctx.Err() != nil {
			return d, nil, waited, ctx.Err()
		}
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

// missingError means that no device has the name that was asked for.
type missingError struct{ name, where, others, gaps string }

func (e *missingError) Error() string {
	text := fmt.Sprintf("no TUN/TAP device is called %q%s", e.name, e.where)
	if e.others != "" {
		text += "; there is " + e.others
	}
	text += " (--wait waits for it)"
	if e.gaps != "" {
		text += "; " + e.gaps
	}
	return text
}

// search finds the one device that is meant.
func search(o Options) (Device, error) {
	all, gaps, err := Find(o.Netns)
	if err != nil {
		return Device{}, err
	}
	where := ""
	if o.Netns != "" {
		where = " in " + o.Netns
	}
	var found []Device
	var names []string
	for _, d := range all {
		names = append(names, fmt.Sprintf("%s in %s", d.Name, d.Netns))
		if d.Name == o.Device {
			found = append(found, d)
		}
	}
	switch len(found) {
	case 0:
		const most = 8
		if len(names) > most {
			names = append(names[:most], fmt.Sprintf("%d more", len(names)-most))
		}
		return Device{}, &missingError{o.Device, where, strings.Join(names, ", "), strings.Join(gaps, "; ")}
	case 1:
		return found[0], nil
	}
	var spaces []string
	for _, d := range found {
		spaces = append(spaces, d.Netns.String())
	}
	return Device{}, fmt.Errorf("%s is in %d network namespaces: %s. Choose one with --netns", o.Device, len(found), strings.Join(spaces, ", "))
}

// moved finds the device in another namespace by a descriptor that held it, and else by its
// link address, if only one device has it. In the same namespace a device keeps its ifindex
// whatever its name, so that one with another ifindex is new, also where it has the descriptor
// or the address.
func moved(old Device) (Device, bool) {
	all, _, err := Find("")
	if err != nil {
		return Device{}, false
	}
	all = slices.DeleteFunc(all, func(d Device) bool { return d.Netns.Inode == old.Netns.Inode })
	held := map[[2]int]bool{}
	for _, o := range old.Owners {
		held[[2]int{o.PID, o.FD}] = true
	}
	for _, d := range all {
		for _, o := range d.Owners {
			if held[[2]int{o.PID, o.FD}] {
				return d, true
			}
		}
	}
	if len(old.MAC) == 0 {
		return Device{}, false
	}
	same := slices.DeleteFunc(all, func(d Device) bool { return d.MAC.String() != old.MAC.String() })
	if len(same) != 1 {
		return Device{}, false
	}
	return same[0], true
}
