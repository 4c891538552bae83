// finds: race
package main

import (
	"errors"
	"testing"
)

func TestK(t *testing.T) {
	var err error
	c := make(chan bool)
	go func() { err = errors.New("a"); c <- true }()
	if err != nil {
		t.Log("x")
	}
	<-c
}
