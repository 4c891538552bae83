// finds: deadlock
package main

import (
	"sync"
	"testing"
	"time"
)

// The lock is held while sending; the receiver needs the lock first.
func TestK(t *testing.T) {
	var mu sync.Mutex
	c := make(chan int)
	go func() {
		mu.Lock()
		c <- 1
		mu.Unlock()
	}()
	time.Sleep(time.Millisecond)
	mu.Lock()
	mu.Unlock()
	<-c
}
