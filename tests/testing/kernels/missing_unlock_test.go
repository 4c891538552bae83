// finds: deadlock
package main

import (
	"errors"
	"sync"
	"testing"
)

type reg struct {
	mu sync.Mutex
	m  map[string]int
}

func (r *reg) put(k string) error {
	r.mu.Lock()
	if _, ok := r.m[k]; ok {
		return errors.New("dup")
	}
	r.m[k] = 1
	r.mu.Unlock()
	return nil
}
func TestK(t *testing.T) {
	r := &reg{m: map[string]int{}}
	_ = r.put("a")
	_ = r.put("a")
	_ = r.put("b")
}
