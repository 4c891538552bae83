// finds: leak
package main

import (
	"testing"
	"time"
)

func TestK(t *testing.T) {
	t.Run("a", func(t *testing.T) { t.Parallel(); c := make(chan int); go func() { c <- 1 }() })
	t.Run("b", func(t *testing.T) { t.Parallel(); time.Sleep(time.Millisecond) })
}
