// finds: leak
package main

import (
	"context"
	"testing"
)

func watch(ctx context.Context) <-chan int {
	c := make(chan int)
	go func() {
		for i := 0; ; i++ {
			select {
			case c <- i:
			case <-ctx.Done():
				return
			}
		}
	}()
	return c
}
func TestK(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	c := watch(ctx)
	if <-c != 0 {
		cancel()
	}
}
