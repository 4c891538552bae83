// finds: deadlock
package main

import (
	"sync"
	"testing"
)

type cache struct {
	mu sync.RWMutex
	n  int
}

func (c *cache) get() int { c.mu.RLock(); defer c.mu.RUnlock(); return c.n }
func (c *cache) sum() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.get() + c.get()
}
func (c *cache) set(n int) { c.mu.Lock(); c.n = n; c.mu.Unlock() }
func TestK(t *testing.T) {
	c := &cache{}
	var wg sync.WaitGroup
	wg.Add(2)
	go func() { defer wg.Done(); c.sum() }()
	go func() { defer wg.Done(); c.set(1) }()
	wg.Wait()
}
