// finds: deadlock
package main

import (
	"sync"
	"testing"
)

func TestK(t *testing.T) {
	var mu sync.RWMutex
	m := map[int]int{}
	get := func(k int) int {
		mu.RLock()
		defer mu.RUnlock()
		v, ok := m[k]
		if !ok {
			mu.Lock()
			m[k] = k
			mu.Unlock()
		}
		return v
	}
	get(1)
}
