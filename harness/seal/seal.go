// Package seal protects packets on their way through a tunnel, as a VPN does:
// each gets a header with a counter, is encrypted in place, and is taken once
// by the other side. It is pure: bytes in, bytes out.
//
// Header, 12 bytes, all fields little-endian: type (1), direction (1), queue
// (2), counter (8). The header is the nonce, too: nothing of it can be changed
// without being noticed, and no two packets under one key share one.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/crypto/chacha20poly1305"
)

// Cipher says how packets are protected.
type Cipher string

const (
	None             Cipher = "none" // header only
	ChaCha20Poly1305 Cipher = "chacha20poly1305"
	AES256GCM        Cipher = "aes256gcm"
)

const (
	HeaderLen = 12
	TagLen    = 16 // of ChaCha20Poly1305 and AES256GCM
	KeyLen    = 32

	typeData = 4 // as WireGuard's transport messages
)

// Errors of Open, made once: they are returned in hot loops.
var (
	ErrHeader   = errors.New("open: not a packet of this tunnel")
	ErrReplayed = errors.New("open: the packet came before, or is too old to tell")
	ErrAuth     = errors.New("open: the packet is not authentic")
)

// Sealer protects the packets of one direction of one queue. It is not for
// several threads.
type Sealer struct {
	aead    cipher.AEAD // nil with None
	prefix  [4]byte
	counter uint64
}

// Opener takes the packets of one Sealer, or of several one after the other,
// each once. It is not for several threads.
type Opener struct {
	aead   cipher.AEAD
	prefix [4]byte
	window window
}

// Pair makes the two ends of one direction of one queue. The same key may
// serve all directions and queues, since their nonces differ.
func Pair(c Cipher, key []byte, direction uint8, queue uint16) (*Sealer, *Opener, error) {
	prefix := [4]byte{typeData, direction}
	binary.LittleEndian.PutUint16(prefix[2:], queue)
	var sides [2]cipher.AEAD
	for i := range sides {
		var err error
		if sides[i], err = newAEAD(c, key); err != nil {
			return nil, nil, fmt.Errorf("make a cipher: %w", err)
		}
	}
	return &Sealer{aead: sides[0], prefix: prefix}, &Opener{aead: sides[1], prefix: prefix}, nil
}

func newAEAD(c Cipher, key []byte) (cipher.AEAD, error) {
	switch c {
	case None:
		return nil, nil
	case ChaCha20Poly1305:
		return chacha20poly1305.New(key)
	case AES256GCM:
		if len(key) != KeyLen {
			return nil, aes.KeySizeError(len(key))
		}
		block, err := aes.NewCipher(key)
		if err != nil {
			return nil, err
		}
		return cipher.NewGCM(block)
	}
	return nil, fmt.Errorf("unknown cipher %q", c)
}

// Overhead is by how many bytes a sealed packet is longer.
func (c Cipher) Overhead() int {
	if c == None {
		return HeaderLen
	}
	return HeaderLen + TagLen
}

// Seal protects in place the n bytes that follow the first HeaderLen of buf,
// which has room for the tag behind them, and gives the length of the whole.
func (s *Sealer) Seal(buf []byte, n int) int {
	copy(buf, s.prefix[:])
	binary.LittleEndian.PutUint64(buf[4:], s.counter)
	s.counter++
	if s.aead == nil {
		return HeaderLen + n
	}
	plain := buf[HeaderLen : HeaderLen+n]
	return HeaderLen + len(s.aead.Seal(plain[:0], buf[:HeaderLen], plain, nil))
}

// Open takes the protection away in place. The packet then follows the first
// HeaderLen bytes of sealed, n bytes long.
func (o *Opener) Open(sealed []byte) (n int, err error) {
	if len(sealed) < HeaderLen || [4]byte(sealed) != o.prefix {
		return 0, ErrHeader
	}
	counter := binary.LittleEndian.Uint64(sealed[4:])
	if !o.window.fresh(counter) {
		return 0, ErrReplayed
	}
	n = len(sealed) - HeaderLen
	if o.aead != nil {
		body := sealed[HeaderLen:]
		plain, err := o.aead.Open(body[:0], sealed[:HeaderLen], body, nil)
		if err != nil {
			return 0, ErrAuth
		}
		n = len(plain)
	}
	o.window.take(counter) // only what is authentic moves the window
	return n, nil
}

// window remembers which of the last counters were taken (RFC 6479): a ring of
// words, of which one at most is partly out of date.
type window struct {
	next uint64 // above the highest counter taken
	ring [windowWords]uint64
}

const (
	windowWords = 128
	windowSize  = (windowWords - 1) * 64 // counters
)

// fresh tells whether the counter was not taken, and is not too old to tell.
func (w *window) fresh(counter uint64) bool {
	if counter >= w.next {
		return true
	}
	if w.next-counter > windowSize {
		return false
	}
	return w.ring[counter/64%windowWords]&(1<<(counter%64)) == 0
}

// take marks the counter, which is fresh.
func (w *window) take(counter uint64) {
	if counter >= w.next {
		last := counter / 64
		first := last
		if w.next > 0 {
			first = (w.next - 1) / 64
		}
		for i := range min(last-first, windowWords) {
			w.ring[(first+1+i)%windowWords] = 0
		}
		w.next = counter + 1
	}
	w.ring[counter/64%windowWords] |= 1 << (counter % 64)
}
