// finds: race
package main

import (
	"sync"
	"testing"
)

func TestK(t *testing.T) {
	var wg sync.WaitGroup
	var last int
	for i := 0; i < 3; i++ {
		wg.Add(1)
		go func() { defer wg.Done(); last = i }()
	}
	wg.Wait()
	_ = last
}
