// finds: deadlock
package main

import (
	"sync"
	"testing"
)

func TestK(t *testing.T) {
	var once sync.Once
	var get func() int
	get = func() int {
		n := 0
		once.Do(func() { n = get() })
		return n
	}
	get()
}
