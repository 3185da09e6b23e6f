package netns

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ifreqData is struct ifreq of include/uapi/linux/if.h with its union used as
// a pointer, which x/sys keeps to itself.
type ifreqData struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [24 - unsafe.Sizeof(uintptr(0))]byte
}

// ssetInfo is struct ethtool_sset_info of include/uapi/linux/ethtool.h, with
// room for the size of one string set.
type ssetInfo struct {
	cmd, reserved uint32
	mask          uint64
	count         uint32
}

const (
	ssStats    = 1  // ETH_SS_STATS
	ssFeatures = 4  // ETH_SS_FEATURES
	stringLen  = 32 // ETH_GSTRING_LEN
	// gfeature is struct ethtool_get_features_block, in 32-bit words:
	// available, requested, active, never_changed.
	gfeatureWords = 4
	gfeatureOn    = 2
)

// features lists the active features of a link by name, sorted. It must run on
// the namespace's thread.
func features(name string) ([]string, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open socket for ethtool: %w", err)
	}
	defer unix.Close(fd)

	chars, count, err := stringSet(fd, name, ssFeatures)
	if err != nil || count == 0 {
		return nil, err
	}

	// struct ethtool_gfeatures: cmd, size, features[].
	blocks := (count + 31) / 32
	bits := make([]uint32, 2+blocks*gfeatureWords)
	bits[0], bits[1] = unix.ETHTOOL_GFEATURES, uint32(blocks)
	if err := ethtool(fd, name, unsafe.Pointer(&bits[0])); err != nil {
		return nil, err
	}

	return activeFeatures(chars, bits[2:]), nil
}

// stringSet reads the names of a string set of a link, stringLen bytes each, and how many
// there are: 0 for a link that does not have the set.
func stringSet(fd int, name string, set uint32) (names []byte, count int, err error) {
	info := ssetInfo{cmd: unix.ETHTOOL_GSSET_INFO, mask: 1 << set}
	if err := ethtool(fd, name, unsafe.Pointer(&info)); err != nil {
		if errors.Is(err, unix.EOPNOTSUPP) {
			return nil, 0, nil
		}
		return nil, 0, err
	}
	if info.mask == 0 || info.count == 0 {
		return nil, 0, nil
	}
	count = int(info.count)

	// struct ethtool_gstrings: cmd, string_set, len, data[].
	text := make([]uint32, 3+count*stringLen/4)
	text[0], text[1], text[2] = unix.ETHTOOL_GSTRINGS, set, uint32(count)
	if err := ethtool(fd, name, unsafe.Pointer(&text[0])); err != nil {
		return nil, 0, err
	}
	return unsafe.Slice((*byte)(unsafe.Pointer(&text[3])), count*stringLen), count, nil
}

// activeFeatures names the bits that are set. names holds ETH_GSTRING_LEN bytes
// for each feature; an empty name is a bit without meaning.
func activeFeatures(names []byte, blocks []uint32) []string {
	var on []string
	for i := 0; (i+1)*stringLen <= len(names); i++ {
		word := i/32*gfeatureWords + gfeatureOn
		if word >= len(blocks) {
			break
		}
		name := unix.ByteSliceToString(names[i*stringLen : (i+1)*stringLen])
		if name != "" && blocks[word]&(1<<(i%32)) != 0 {
			on = append(on, name)
		}
	}
	slices.Sort(on)
	return on
}

// withoutTSO turns off the features of a link by which it takes GSO packets of TCP. It
// must run on the namespace's thread.
func withoutTSO(name string) error {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("open socket for ethtool: %w", err)
	}
	defer unix.Close(fd)
	// struct ethtool_value
	off := struct{ cmd, data uint32 }{cmd: unix.ETHTOOL_STSO}
	return ethtool(fd, name, unsafe.Pointer(&off))
}

func ethtool(fd int, name string, request unsafe.Pointer) error {
	if len(name) >= unix.IFNAMSIZ {
		return unix.ENODEV
	}
	ifr := ifreqData{data: request}
	copy(ifr.name[:], name)
	_, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.SIOCETHTOOL, uintptr(unsafe.Pointer(&ifr)))
	runtime.KeepAlive(request)
	if errno != 0 {
		return errno
	}
	return nil
}
