// Package seal protects packets in a tunnel, as a VPN does: each gets a header
// with a counter, is encrypted in place, and is accepted only once by the other
// side. It is pure: bytes in, bytes out.
//
// Header, 12 bytes, all fields little-endian: type (1), direction (1), queue
// (2), counter (8). The header is the nonce, too: no part of it can be changed
// without detection, and no two packets under one key share one.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.zx2c4.com/wireguard/replay"
)

// Cipher is how packets are protected.
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

	maxCounter = math.MaxUint64 // above every counter that is accepted
)

// Errors of Open, made once: they are returned in hot loops.
var (
	ErrHeader   = errors.New("open: not a packet of this tunnel")
	ErrReplayed = errors.New("open: the packet came before, or is too old to tell")
	ErrAuth     = errors.New("open: the packet is not authentic")
)

// Sealer protects the packets of one direction of one queue. Only one thread
// may use it.
type Sealer struct {
	aead    cipher.AEAD // nil with None
	prefix  [4]byte
	counter uint64
}

// Opener accepts the packets of one Sealer, or of several one after the other,
// each once. Only one thread may use it.
type Opener struct {
	aead   cipher.AEAD
	prefix [4]byte
	window replay.Filter
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

// Overhead is the number of bytes that sealing adds to a packet.
func (c Cipher) Overhead() int {
	if c == None {
		return HeaderLen
	}
	return HeaderLen + TagLen
}

// Seal protects in place the n bytes that follow the first HeaderLen of buf,
// which has room for the tag behind them, and returns the total length.
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

// Open removes the protection in place. The packet then follows the first
// HeaderLen bytes of sealed and is n bytes long.
func (o *Opener) Open(sealed []byte) (n int, err error) {
	if len(sealed) < HeaderLen || [4]byte(sealed) != o.prefix {
		return 0, ErrHeader
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
	// Only an authentic packet moves the window.
	if !o.window.ValidateCounter(binary.LittleEndian.Uint64(sealed[4:]), maxCounter) {
		return 0, ErrReplayed
	}
	return n, nil
}
