// finds: deadlock
package main

import (
	"sync"
	"testing"
)

type node struct{ mu sync.Mutex }

func TestK(t *testing.T) {
	a, b := &node{}, &node{}
	var wg sync.WaitGroup
	wg.Add(2)
	go func() {
		defer wg.Done()
		a.mu.Lock()
		b.mu.Lock()
		b.mu.Unlock()
		a.mu.Unlock()
	}()
	go func() {
		defer wg.Done()
		b.mu.Lock()
		a.mu.Lock()
		a.mu.Unlock()
		b.mu.Unlock()
	}()
	wg.Wait()
}
