package worker

import (
	"sync/atomic"
	"testing"
	"time"
)

func TestBarrier(t *testing.T) {
	var g Barrier
	if held := g.Pass(); held != 0 {
		t.Errorf("an open barrier held for %d ns", held)
	}
	var stop atomic.Bool
	var turns [2]atomic.Uint64
	var longest atomic.Int64
	done := make(chan struct{}, len(turns))
	for i := range turns {
		go func() {
			for !stop.Load() {
				longest.Store(max(longest.Load(), g.Pass()))
				turns[i].Add(1)
			}
			done <- struct{}{}
		}()
	}
	for range 50 {
		g.Close()
		g.Close() // again: nothing changes
		for deadline := time.Now().Add(5 * time.Second); g.Held() < len(turns); time.Sleep(50 * time.Microsecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d of %d workers are held", g.Held(), len(turns))
			}
		}
		before := turns[0].Load() + turns[1].Load()
		time.Sleep(100 * time.Microsecond)
		if now := turns[0].Load() + turns[1].Load(); now != before {
			t.Fatalf("held workers made %d turns", now-before)
		}
		g.Open()
		g.Open()
		if g.Held() != 0 {
			t.Fatal("workers are held by an open barrier")
		}
		for turns[0].Load()+turns[1].Load() == before {
			time.Sleep(10 * time.Microsecond)
		}
	}
	stop.Store(true)
	g.Open()
	for range turns {
		<-done
	}
	if longest.Load() < int64(100*time.Microsecond) {
		t.Errorf("the longest hold was %d ns", longest.Load())
	}
}
