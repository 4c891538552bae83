// finds: panic
package main

import (
	"sync"
	"testing"
)

type conn struct{ done chan struct{} }

func (c *conn) close() {
	select {
	case <-c.done:
	default:
		close(c.done)
	}
}
func TestK(t *testing.T) {
	c := &conn{done: make(chan struct{})}
	var wg sync.WaitGroup
	for i := 0; i < 3; i++ {
		wg.Add(1)
		go func() { defer wg.Done(); c.close() }()
	}
	wg.Wait()
}
