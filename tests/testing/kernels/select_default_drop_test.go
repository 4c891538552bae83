// finds: leak
package main

import (
	"testing"
	"time"
)

// The notification is dropped if the receiver is not there yet.
func TestK(t *testing.T) {
	n := make(chan struct{})
	done := make(chan struct{})
	go func() {
		<-n
		close(done)
	}()
	select {
	case n <- struct{}{}:
	default:
	}
	select {
	case <-done:
	case <-time.After(20 * time.Millisecond):
	}
}
