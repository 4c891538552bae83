// finds: deadlock
package main

import (
	"sync"
	"testing"
	"time"
)

// The test itself can never go on, but a ticker goroutine stays busy.
func TestK(t *testing.T) {
	tk := time.NewTicker(10 * time.Millisecond)
	go func() {
		for range tk.C {
		}
	}()
	var mu sync.Mutex
	mu.Lock()
	mu.Lock()
}
