package seal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"testing"
)

var (
	ciphers = []Cipher{None, ChaCha20Poly1305, AES256GCM}
	key     = bytes.Repeat([]byte{7}, KeyLen)
)

func pair(t testing.TB, c Cipher, direction uint8, queue uint16) (*Sealer, *Opener) {
	t.Helper()
	s, o, err := Pair(c, key, direction, queue)
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

func sealed(s *Sealer, c Cipher, plain []byte) []byte {
	buf := make([]byte, len(plain)+c.Overhead())
	copy(buf[HeaderLen:], plain)
	return buf[:s.Seal(buf, len(plain))]
}

func TestRoundTrip(t *testing.T) {
	for _, c := range ciphers {
		s, o := pair(t, c, 1, 300)
		for _, length := range []int{0, 1, 15, 16, 17, 64, 1500, 65479} {
			plain := bytes.Repeat([]byte{byte(length), 3, 5}, length/3+1)[:length]
			wire := sealed(s, c, plain)
			if len(wire) != length+c.Overhead() {
				t.Errorf("%s: %d bytes became %d, want %d more", c, length, len(wire), c.Overhead())
			}
			if c != None && length >= 16 && bytes.Contains(wire, plain) {
				t.Errorf("%s: %d bytes are not hidden", c, length)
			}
			n, err := o.Open(wire)
			if err != nil || !bytes.Equal(wire[HeaderLen:HeaderLen+n], plain) {
				t.Errorf("%s: %d bytes came back as %d: %v", c, length, n, err)
			}
		}
	}
}

func TestRefused(t *testing.T) {
	for _, c := range ciphers {
		s, o := pair(t, c, 0, 2)
		good := sealed(s, c, make([]byte, 100))
		again := bytes.Clone(good)
		if _, err := o.Open(good); err != nil {
			t.Fatal(err)
		}
		if _, err := o.Open(again); !errors.Is(err, ErrReplayed) {
			t.Errorf("%s: a packet that came twice: %v", c, err)
		}
		otherQueue, _ := pair(t, c, 0, 3)
		otherWay, _ := pair(t, c, 1, 2)
		for name, wire := range map[string][]byte{
			"another queue":     sealed(otherQueue, c, make([]byte, 100)),
			"another direction": sealed(otherWay, c, make([]byte, 100)),
			"too short":         {typeData, 0, 2},
			"empty":             {},
		} {
			if _, err := o.Open(wire); !errors.Is(err, ErrHeader) {
				t.Errorf("%s: %s: %v", c, name, err)
			}
		}
		if c == None {
			continue
		}
		again[5] ^= 1 // of a packet that came before and was changed, its tag says so
		if _, err := o.Open(again); !errors.Is(err, ErrAuth) {
			t.Errorf("%s: a packet that came twice, the second time changed: %v", c, err)
		}
		for _, at := range []int{5, HeaderLen, HeaderLen + 50, len(good) - 1} {
			wire := sealed(s, c, make([]byte, 100))
			wire[at] ^= 1
			if _, err := o.Open(wire); !errors.Is(err, ErrAuth) {
				t.Errorf("%s: a packet with byte %d changed: %v", c, at, err)
			}
		}
		// What is not authentic has not moved the window.
		if _, err := o.Open(sealed(s, c, nil)); err != nil {
			t.Errorf("%s: after forged packets: %v", c, err)
		}
	}
}

func TestPairRefuses(t *testing.T) {
	for _, c := range []Cipher{"rot13", ""} {
		if _, _, err := Pair(c, key, 0, 0); err == nil {
			t.Errorf("cipher %q was taken", c)
		}
	}
	for _, c := range []Cipher{ChaCha20Poly1305, AES256GCM} {
		if _, _, err := Pair(c, key[:16], 0, 0); err == nil {
			t.Errorf("%s: a short key was taken", c)
		}
	}
}

// windowSize is by how much a counter may be behind the highest one that was
// taken, as package replay has it.
const windowSize = 127 * 64

// checkWindow compares what an Opener takes with a set of all counters that were
// taken.
func checkWindow(t *testing.T, counters []uint64) {
	t.Helper()
	_, o := pair(t, None, 0, 0)
	packet := make([]byte, HeaderLen)
	packet[0] = typeData
	seen, highest := map[uint64]bool{}, uint64(0)
	for i, counter := range counters {
		tooOld := highest >= windowSize && counter < highest-windowSize
		var want error
		if seen[counter] || tooOld {
			want = ErrReplayed
		}
		binary.LittleEndian.PutUint64(packet[4:], counter)
		if _, err := o.Open(packet); err != want {
			t.Fatalf("counter %d (step %d, highest %d): %v, want %v", counter, i, highest, err, want)
		}
		if want == nil {
			seen[counter] = true
			highest = max(highest, counter)
		}
	}
}

func TestWindow(t *testing.T) {
	for name, counters := range map[string][]uint64{
		"in order":       {0, 1, 2, 3, 2, 0},
		"gap":            {0, 5000, 1, 4999, 5000, 0},
		"beyond":         {0, windowSize, 0, 1, windowSize + 1, 1, 0, windowSize + 3, 1, 2, 3},
		"far beyond":     {3, 1 << 40, 3, 1<<40 - windowSize - 1, 1<<40 - windowSize},
		"around a word":  {63, 64, 62, 65, 63, 128, 127, 126},
		"top of counter": {1<<63 - 2, 1<<63 - 1, 1<<63 - 2},
		"begins late":    {100000, 99999, 100000 - windowSize, 100000 - windowSize - 1},
	} {
		t.Run(name, func(t *testing.T) { checkWindow(t, counters) })
	}
	rng := rand.New(rand.NewPCG(1, 2))
	var counters []uint64
	at := uint64(0)
	for range 200_000 {
		at += rng.Uint64N(4)
		if rng.IntN(1000) == 0 {
			at += rng.Uint64N(3 * windowSize)
		}
		counters = append(counters, at-min(at, rng.Uint64N(2*windowSize)*rng.Uint64N(2)))
	}
	checkWindow(t, counters)
}

func FuzzWindow(f *testing.F) {
	f.Add([]byte{0, 1, 0, 255, 3, 9})
	f.Fuzz(func(t *testing.T, steps []byte) {
		// Each pair of bytes is a step: how far from where the last one was.
		var counters []uint64
		at := int64(0)
		for i := 0; i+1 < len(steps); i += 2 {
			at = max(0, at+int64(int8(steps[i]))*int64(steps[i+1]))
			counters = append(counters, uint64(at))
		}
		checkWindow(t, counters)
	})
}

func FuzzOpen(f *testing.F) {
	f.Add([]byte{typeData, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 69, 0})
	f.Fuzz(func(t *testing.T, wire []byte) {
		for _, c := range ciphers {
			_, o := pair(t, c, 0, 0)
			n, err := o.Open(bytes.Clone(wire))
			if c != None && err == nil {
				t.Fatalf("%s: forged packet of %d bytes was taken", c, len(wire))
			}
			if err == nil && n != len(wire)-HeaderLen {
				t.Fatalf("%s: %d bytes gave %d", c, len(wire), n)
			}
		}
	})
}

func TestNothingAllocated(t *testing.T) {
	for _, c := range ciphers {
		s, o := pair(t, c, 0, 0)
		buf := make([]byte, 1500+c.Overhead())
		allocs := testing.AllocsPerRun(1000, func() {
			n := s.Seal(buf, 1500)
			if _, err := o.Open(buf[:n]); err != nil {
				t.Fatal(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations a packet", c, allocs)
		}
	}
}

func BenchmarkSealOpen(b *testing.B) {
	for _, c := range ciphers {
		b.Run(string(c), func(b *testing.B) {
			s, o := pair(b, c, 0, 0)
			buf := make([]byte, 1500+c.Overhead())
			b.SetBytes(1500)
			for b.Loop() {
				if _, err := o.Open(buf[:s.Seal(buf, 1500)]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
