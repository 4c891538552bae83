// finds: deadlock
package main

import (
	"sync"
	"testing"
)

type pool struct {
	mu  sync.Mutex
	all []int
}

func (p *pool) size() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.all)
}
func (p *pool) add(x int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.size() < 3 {
		p.all = append(p.all, x)
	}
}
func TestK(t *testing.T) {
	p := &pool{}
	done := make(chan bool)
	go func() { p.add(1); close(done) }()
	<-done
}
