// finds: leak
package main

import (
	"testing"
)

// The worker waits for both; the producer stops after the first error.
func TestK(t *testing.T) {
	jobs, res := make(chan int), make(chan int)
	for i := 0; i < 2; i++ {
		go func() {
			for j := range jobs {
				res <- j
			}
		}()
	}
	go func() {
		for i := 0; i < 4; i++ {
			jobs <- i
		}
	}()
	<-res
}
