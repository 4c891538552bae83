// finds: leak
package main

import (
	"context"
	"testing"
	"time"
)

// cancel replaced before use: the first context is never cancelled.
func TestK(t *testing.T) {
	var ctx context.Context
	var cancel context.CancelFunc
	ctx, cancel = context.WithCancel(context.Background())
	run := func(c context.Context) { go func() { <-c.Done() }() }
	run(ctx)
	ctx, cancel = context.WithTimeout(context.Background(), time.Hour)
	run(ctx)
	cancel()
}
