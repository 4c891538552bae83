package main

import "fmt"

type T struct {
	Foo int
	bar int
}

func (T) Meth() {}
func (T) meth2() {}

type AA struct{ X int }
type BB struct{ X int }
type AB struct {
	AA
	BB
}
type PR struct{}

func (*PR) M() {}

func lbl() {
	break L
	continue M
	for {
		break N
	}
A:
	x := 1
	_ = x
	for {
		break A
	}
	if true {
		goto B
	}
	y := 2
	_ = y
B:
	goto C
	{
	C:
	}
}
func rng() {
	for i := range func() {} {
	}
	for i := range func(int) {} {
	}
	for i := range func(func(int, int, int) bool) {} {
	}
	for i := range func(func(int) bool) int { return 1 } {
	}
	for i, j := range func(func() bool) {} {
	}
	for i := range func(func() bool) {} {
	}
	var u uint8
	for u = range 256 {
	}
	for u = range 10 {
	}
	for i := range u {
		var s string = i
	}
	for range 10 {
	}
	for i := range rng {
	}
	var p *[]int
	for range p {
	}
	for i := range nil {
	}
	for i := range T {
	}
	for i := range 1e3 {
	}
	for a.b = range 10 {
	}
	const c = 10
	for i := range c {
		_ = i
	}
}
func sel() {
	var t T
	_ = t.foo
	_ = t.Bar
	t.meth()
	t.Meth2()
	t.meth3()
	_ = fmt.printf
	_ = fmt.println
	_ = fmt.newPrinter
	var ab AB
	_ = ab.X
	PR{}.M()
	PR.M(PR{})
	(*PR).M(&PR{})
	_ = t._
	var pp **T
	_ = pp.Foo
	pp.Meth()
	var e interface{ m() }
	e.M()
	_ = len.x
	_ = T{foo: 1}
	_ = T{Meth: 1}
	_ = struct{ a int }{1, 2}
	_ = []T{{1, 2}, {foo: 2}}
	_ = map[string]T{"a": {1, 2}, "b": {Foo: "x"}}
	_ = []*T{{1, 2}, &T{}}
	_ = map[T]int{{1, 2}: 3}
	_ = [...]int{5: 1, 2, 3}
	switch x := 5; x {
	case 1, 2, 1:
	default:
	default:
	}
	switch t {
	}
	switch f := sel; f {
	case sel:
	}
	switch nil {
	}
	switch []int{} {
	case nil:
	}
	select {
	}
	var i8 int8 = 1
	i8 += 300
	i8 = i8 + 300
	var f32 float32
	f32 *= 1e100
	t += 1
	t++
	i8 += nil
}
func main() {}
