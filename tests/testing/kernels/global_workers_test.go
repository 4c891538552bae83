// finds: nothing
package main

import (
	"sync"
	"testing"
)

var (
	jobs  = make(chan func())
	start sync.Once
)

func submit(f func()) {
	start.Do(func() {
		for range 3 {
			go func() {
				for f := range jobs {
					f()
				}
			}()
		}
	})
	jobs <- f
}

func TestK(t *testing.T) {
	var wg sync.WaitGroup
	for range 5 {
		wg.Add(1)
		submit(wg.Done)
	}
	wg.Wait()
}
