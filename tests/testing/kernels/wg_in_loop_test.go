// finds: deadlock
package main

import (
	"sync"
	"testing"
)

func TestK(t *testing.T) {
	var wg sync.WaitGroup
	errs := make(chan error)
	for i := 0; i < 3; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs <- nil
		}()
	}
	wg.Wait()
	close(errs)
	for range errs {
	}
}
