package main

import "unsafe"

type T struct{ a, b int }
type I interface{ M() }
type P struct{}

func (*P) M() {}

func f1() int {
	for {
		break
	}
}
func f2() int {
	for {
	}
}
func f3(x int) int {
	switch x {
	case 1:
		return 1
	}
}
func f4() int {
L:
	for {
		break L
	}
}
func f5() int {
	if true {
		return 1
	} else {
	}
}
func f6() int { panic(1) }
func f7() int {
	select {}
}
func f8() int {
	goto L
L:
	return 1
}
func stm(i I, n int, ch chan int) {
	break
	continue
	fallthrough
L1:
	goto L2
L3:
	for {
		break L1
		continue L1
	}
L3:
	for {
	}
	if n {
	}
	if n = 1; true {
	}
	for n {
	}
	switch n {
	case 1, 1:
	case "a":
	case 1.5:
		fallthrough
	case 2:
		fallthrough
	}
	switch {
	case n:
	case n == 1:
	case true, true:
	}
	switch "a" {
	case "a":
	case "a":
	default:
	}
	switch i.(type) {
	case P:
	case *P:
	case *P:
	case nil, nil:
	case int:
		fallthrough
	}
	switch x := i.(type) {
	case *P:
	}
	switch x := i.(type) {
	case *P:
		_ = x.foo
	case nil:
	}
	switch n.(type) {
	}
	switch f := main; f {
	case nil:
	}
	switch t := (T{}); t {
	case 1:
	}
	select {
	case n := <-ch:
	case ch <- "a":
	case x, ok := <-ch:
	}
	for i := range 10 {
	}
	for i, j := range 10 {
	}
	for i := range 1.5 {
	}
	for i, c := range ch {
	}
	for range i {
	}
	for i, v := range []int{} {
		_ = i
	}
	var s string
	for s = range []int{} {
	}
	for range func(func(int)) {} {
	}
	for x := range func(yield func(int) bool) {} {
		_ = x
	}
	for x, y := range func(yield func(int) bool) {} {
	}
	for range func(yield func(int)) {} {
	}
	goto L9
	var zz int
L9:
	{
		goto L10
	}
	{
	L10:
	}
	_ = unsafe.Sizeof(n)
	_ = unsafe.Offsetof(n)
	_ = unsafe.Alignof()
	_ = unsafe.Foo
	x, y := 1, 2
	x, z := 1, 2
	x, y := 1, 2
	func() {
		break
		w := 1
	}()
	var unused, _ int
	type unusedT int
	const unusedC = 1
	var w1 = func() { w1() }
	i.M = nil
	_.x = 1
	x = _
	_ = _
	_()
	defer recover()
	defer func() {}
	n.x = 1
	i++
}
func main() {}
