// finds: deadlock
package main

import (
	"context"
	"testing"
	"time"
)

func TestK(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	out := make(chan int)
	go func() {
		<-ctx.Done()
	}()
	<-out
}
