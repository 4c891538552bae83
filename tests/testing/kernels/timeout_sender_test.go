// finds: leak
package main

import (
	"errors"
	"testing"
	"time"
)

func fetch(d time.Duration) (int, error) {
	c := make(chan int)
	go func() {
		time.Sleep(5 * time.Millisecond)
		c <- 1
	}()
	select {
	case v := <-c:
		return v, nil
	case <-time.After(d):
		return 0, errors.New("timeout")
	}
}
func TestK(t *testing.T) { fetch(time.Millisecond) }
