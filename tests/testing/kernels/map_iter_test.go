// finds: race
package main

import (
	"testing"
)

func TestK(t *testing.T) {
	m := map[int]int{1: 1}
	c := make(chan bool)
	go func() { m[2] = 2; c <- true }()
	for range m {
	}
	<-c
}
