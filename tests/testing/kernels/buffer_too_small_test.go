// finds: leak
package main

import (
	"errors"
	"testing"
)

func TestK(t *testing.T) {
	errs := make(chan error, 2)
	for i := 0; i < 4; i++ {
		go func() { errs <- errors.New("e") }()
	}
	<-errs
}
