// finds: leak
package main

import (
	"testing"
	"time"
)

// A blocked one whose peer loops on a timer.
func TestK(t *testing.T) {
	in := make(chan int)
	go func() {
		for {
			time.Sleep(4 * time.Millisecond)
			select {
			case v := <-in:
				if v == 3 {
					return
				}
			default:
			}
		}
	}()
	out := make(chan int)
	go func() { in <- 1; out <- 2 }()
}
