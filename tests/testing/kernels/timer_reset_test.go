// finds: race
package main

import (
	"testing"
	"time"
)

func TestK(t *testing.T) {
	var tm *time.Timer
	n := 0
	tm = time.AfterFunc(time.Millisecond, func() {
		n++
		tm.Reset(time.Hour)
	})
	time.Sleep(3 * time.Millisecond)
	_ = tm
}
