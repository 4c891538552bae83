// finds: deadlock
package main

import (
	"sync"
	"testing"
)

// Listener callbacks run under the lock and call back.
type bus struct {
	mu sync.RWMutex
	fs []func()
}

func (b *bus) on(f func()) { b.mu.Lock(); b.fs = append(b.fs, f); b.mu.Unlock() }
func (b *bus) fire() {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, f := range b.fs {
		f()
	}
}
func TestK(t *testing.T) {
	b := &bus{}
	b.on(func() { b.on(func() {}) })
	b.fire()
}
