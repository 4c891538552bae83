// Bubbles of testing/synctest: a clock that moves only when everybody waits.
package bubbles

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

var epoch = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)

func TestSleepCostsNothing(t *testing.T) {
	real := time.Now()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if !start.Equal(epoch) {
			t.Errorf("starts at %v", start.UTC())
		}
		go func() {
			time.Sleep(time.Hour)
			t.Log("an hour:", time.Since(start))
		}()
		time.Sleep(48 * time.Hour)
		t.Log("two days:", time.Since(start))
	})
	if d := time.Since(real); d > time.Hour {
		t.Error("took", d)
	}
}

func TestDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		time.Sleep(5*time.Second - 1)
		synctest.Wait()
		t.Log("just before:", ctx.Err())
		synctest.Sleep(1)
		t.Log("just after:", ctx.Err(), errors.Is(ctx.Err(), context.DeadlineExceeded))
		t.Cleanup(func() { t.Log("cleanup after", time.Since(epoch)) })
	})
}

func TestEverybodyWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		done := false
		go func() { done = true }()
		synctest.Wait()
		t.Log("done:", done)

		var wg sync.WaitGroup
		for i := range 3 {
			wg.Go(func() { time.Sleep(time.Duration(i) * time.Second) })
		}
		wg.Wait()
		t.Log("group:", time.Since(epoch))

		ticks := 0
		ticker := time.NewTicker(time.Minute)
		for range ticker.C {
			if ticks++; ticks == 3 {
				break
			}
		}
		ticker.Stop()
		t.Log("ticks:", time.Since(epoch))

		time.AfterFunc(time.Second, func() { t.Log("function:", time.Since(epoch)) })
		synctest.Sleep(time.Second)

		select {
		case <-time.After(0):
			t.Log("due at once")
		default:
			t.Log("not due")
		}

		c := sync.NewCond(&sync.Mutex{})
		go func() {
			time.Sleep(time.Second)
			c.Broadcast()
		}()
		c.L.Lock()
		c.Wait()
		c.L.Unlock()
		t.Log("cond:", time.Since(epoch))

		// An unbuffered channel between two of the bubble; a buffered one with a select.
		ch, quit := make(chan int), make(chan bool, 1)
		go func() {
			defer close(ch)
			for i := range 3 {
				time.Sleep(time.Second)
				ch <- i
			}
			quit <- true
		}()
		sum := 0
		for v := range ch {
			sum += v
		}
		select {
		case <-quit:
			t.Log("sum:", sum, time.Since(epoch))
		case <-time.After(time.Minute):
			t.Error("too late")
		}
	})
}

func TestFatalInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { t.Fatal("no further") })
	t.Log("never")
}

func TestSkipInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { t.Skip("not today") })
	t.Log("goes on")
}

func TestMany(t *testing.T) {
	for i := range 4 {
		t.Run("", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := 0
				var mu sync.Mutex
				for j := range 100 {
					go func() {
						time.Sleep(time.Duration(j%10+i) * time.Millisecond)
						mu.Lock()
						n++
						mu.Unlock()
					}()
				}
				time.Sleep(time.Second)
				synctest.Wait()
				if n != 100 {
					t.Error(n)
				}
			})
		})
	}
}
