// finds: leak
package main

import (
	"testing"
	"time"
)

type q struct{ c chan int }

func TestK(t *testing.T) {
	s := &q{}
	go func() {
		for v := range s.c {
			_ = v
		}
	}()
	time.Sleep(time.Millisecond)
}
