// finds: deadlock
package main

import (
	"sync"
	"testing"
)

func work(i int, wg *sync.WaitGroup) {
	if i == 2 {
		return
	}
	wg.Done()
}
func TestK(t *testing.T) {
	var wg sync.WaitGroup
	for i := 0; i < 3; i++ {
		wg.Add(1)
		go work(i, &wg)
	}
	wg.Wait()
}
