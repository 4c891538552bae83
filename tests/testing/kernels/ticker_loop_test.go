// finds: leak
package main

import (
	"testing"
	"time"
)

type mgr struct{ stop chan struct{} }

func (m *mgr) run() {
	tk := time.NewTicker(5 * time.Millisecond)
	for {
		select {
		case <-tk.C:
		case <-m.stop:
			return
		}
	}
}
func TestK(t *testing.T) {
	m := &mgr{stop: make(chan struct{})}
	go m.run()
	time.Sleep(time.Millisecond)
}
