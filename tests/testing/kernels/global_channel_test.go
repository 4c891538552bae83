// finds: leak
package main

import "testing"

var events = make(chan int)

func TestK(t *testing.T) {
	go func() { events <- 1 }()
}
