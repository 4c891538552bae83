package coverage

import "testing"

func TestCount(t *testing.T) {
	if n := Count("a B - a")["a"]; n != 2 {
		t.Errorf("a: %d", n)
	}
	if w := Longest("one three two"); w != "three" {
		t.Error(w)
	}
	t.Log(testing.CoverMode(), testing.Coverage() > 0)
}
