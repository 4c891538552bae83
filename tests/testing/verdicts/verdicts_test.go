package verdicts

import (
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	fmt.Println("setup")
	code := m.Run()
	fmt.Println("teardown", code)
	os.Exit(code)
}

func TestLog(t *testing.T) {
	t.Log("first")
	t.Run("sub x", func(t *testing.T) { t.Log("two\nlines") })
	t.Run("sub x", func(t *testing.T) { t.Log("again") })
	t.Cleanup(func() { t.Log("cleaned") })
	t.Log("last")
}

func TestError(t *testing.T) {
	t.Error("bad", 3)
	t.Fatalf("worse %d", 4)
	t.Log("never")
}

func TestSkip(t *testing.T) { t.Skip("why") }

func helper(t *testing.T) {
	t.Helper()
	t.Errorf("from the caller")
}

func TestHelper(t *testing.T) { helper(t) }

func TestParallel(t *testing.T) {
	t.Run("a", func(t *testing.T) { t.Parallel() })
}

func FuzzSeeds(f *testing.F) {
	f.Add(1, "x")
	f.Add(2, "y")
	f.Fuzz(func(t *testing.T, n int, s string) {
		if n == 2 {
			t.Fatal("two", s)
		}
	})
}

func Example() {
	fmt.Println("a")
	fmt.Println("b")
	// Unordered output: b
	// a
}

func Example_wrong() {
	fmt.Println("a")
	// Output: b
}

func TestOutput(t *testing.T) {
	fmt.Fprint(t.Output(), "one\ntwo")
	t.Log("log")
	fmt.Fprint(t.Output(), "begun")
	t.Run("sub", func(t *testing.T) {
		fmt.Fprint(t.Output(), "half")
		t.Cleanup(func() { fmt.Fprint(t.Output(), " and half") })
	})
	fmt.Fprint(t.Output(), " and ended\nat the end")
	t.Fail()
}
