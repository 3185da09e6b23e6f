// Command forwarder is a VPN without encryption, the smallest program that
// forwarder.yaml can start: what it reads from a TUN device it sends to its peer in UDP,
// and what comes from there it writes to the device.
package main

import (
	"flag"
	"log"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

var (
	name  = flag.String("device", "tun0", "TUN device to make")
	local = flag.String("local", ":5000", "UDP address to receive at")
	peer  = flag.String("peer", "", "UDP address of the other forwarder")
	drop  = flag.Int("drop", 0, "drop every Nth packet of those to the peer; 0: none")
	spoil = flag.Int("spoil", 0, "change a byte of every Nth packet to the peer; 0: none")
	touch = flag.Int("touch", 0, "MiB of memory to touch")
	die   = flag.Duration("die", 0, "exit with an error after that time; 0: never")
)

func must[T any](v T, err error) T {
	if err != nil {
		log.Fatal(err)
	}
	return v
}

func main() {
	flag.Parse()
	memory := make([]byte, *touch<<20)
	for i := 0; i < len(memory); i += 4096 {
		memory[i] = 1
	}
	fd := must(unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0))
	ifr := must(unix.NewIfreq(*name))
	ifr.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
	must(0, unix.IoctlIfreq(fd, unix.TUNSETIFF, ifr))
	at, to := must(net.ResolveUDPAddr("udp4", *local)), must(net.ResolveUDPAddr("udp4", *peer))
	conn := must(net.ListenUDP("udp4", at))
	must(0, conn.SetReadBuffer(4<<20))
	if *die > 0 {
		time.AfterFunc(*die, func() { log.Fatalf("told to die after %v", *die) })
	}
	go func() {
		for buf := make([]byte, 65536); ; {
			n := must(conn.Read(buf))
			unix.Write(fd, buf[:n]) // fails while the device is down
		}
	}()
	for buf, count := make([]byte, 65536), 1; ; count++ {
		n := must(unix.Read(fd, buf))
		if *spoil > 0 && count%*spoil == 0 {
			buf[n-1] ^= 1
		}
		if *drop == 0 || count%*drop != 0 {
			conn.WriteToUDP(buf[:n], to) // fails while the peer is not there yet
		}
	}
}
