// finds: race
package main

import (
	"sync"
	"testing"
)

func TestK(t *testing.T) {
	var wg sync.WaitGroup
	n := 0
	for i := 0; i < 2; i++ {
		go func() {
			wg.Add(1)
			defer wg.Done()
			n++
		}()
	}
	wg.Wait()
	_ = n
}
