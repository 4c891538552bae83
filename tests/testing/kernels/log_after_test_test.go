// finds: race
package main

import "testing"

func TestK(t *testing.T) {
	go func() {
		t.Log("late")
	}()
}
