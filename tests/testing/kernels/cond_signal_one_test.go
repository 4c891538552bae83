// finds: deadlock
package main

import (
	"sync"
	"testing"
	"time"
)

func TestK(t *testing.T) {
	var mu sync.Mutex
	c := sync.NewCond(&mu)
	n := 0
	var wg sync.WaitGroup
	for i := 0; i < 2; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			mu.Lock()
			for n == 0 {
				c.Wait()
			}
			mu.Unlock()
		}()
	}
	time.Sleep(2 * time.Millisecond)
	mu.Lock()
	n = 1
	c.Signal()
	mu.Unlock()
	wg.Wait()
}
