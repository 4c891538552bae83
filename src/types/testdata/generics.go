package main

type Num interface{ ~int | ~float64 }
type Num2 interface {
	int | string
	M()
}
type Stack[T any] struct{ items []T }

func (s *Stack[T]) Push(x T)  { s.items = append(s.items, x) }
func (s Stack[A, B]) Foo()    {}
func (s Stack) Bar()          {}
func (s Stack[int]) Baz()     {}
func Map[T, U any](x []T, f func(T) U) []U { return nil }
func Sum[T Num](x ...T) T     { var z T; return z }
func Two[A any, B any](a A) B { var b B; return b }

func h[T any](x T) {
	_ = x + x
	_ = x == x
	_ = x.foo
	x()
	_ = x[0]
	for range x {
	}
	switch x.(type) {
	}
	_ = any(x).(int)
	var y T = 1
	y = nil
	_ = int(x)
}
func cmpf[T comparable](x, y T) bool { return x == y }
func num[T Num](x T) {
	_ = x + 1
	_ = x + "a"
	_ = x + 1.5
	_ = x % 2
	_ = x << 1
	_ = len(x)
	x.M()
}
func bad[T Foo](x T)       {}
func bad2[T int](x T)      { _ = x + 1 }
func bad3[T any, T any]()  {}
func main() {
	var s Stack
	var s2 Stack[int, string]
	var s3 Stack[string]
	s3.Push(1)
	s3.Foo()
	Map(1, 2)
	Map([]int{}, func(s string) int { return 0 })
	_ = Map([]int{}, func(s int) string { return "" })
	_ = Map[int]
	_ = Map
	Sum("a")
	Sum[string]()
	Sum()
	Sum(1, 2.5)
	Sum(1, "a")
	Two(1)
	_ = Two[int, string](1)
	_ = Two[int, string, bool](1)
	cmpf([]int{}, []int{})
	cmpf(1, "a")
	cmpf(main, main)
	var n Num
	var n2 interface{ comparable }
	_ = n
	var f func(int) int = Sum
	var f2 func(...int) int = Sum
	var i int
	i[int]()
	_ = s
	_, _, _, _ = s2, n2, f, f2
	type L[T any] struct{ x T }
	h[int](1)
	h[int]("a")
	h[Foo](1)
	h[1](1)
}
type E[T Num] struct{}
var _ E[string]
var _ E[int]
var _ int[string]
type TP[T any] T
type TA[T any] = []T
var _ TA[int]
