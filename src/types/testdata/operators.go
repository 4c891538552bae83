package main

type In struct{ F int }
type In2 struct{ G int }
type Out struct {
	In
	*In2
	H int
}

func f() int { return 1 }
func sel(ch chan int) {
	select {
	case x := 1:
	}
}
func sel2(ch chan int, m map[string]int) {
	var x, y int
	select {
	case x = f():
	case m["a"] = <-ch:
	case (<-ch):
	case x := (<-ch):
	}
	_, _ = x, y
	_ = Out{F: 1}
	_ = Out{G: 1}
	_ = Out{_: 1}
	_ = Out{1: 1}
	s := []int{}
	s[1:2] = nil
	s[1:2].x = 1
	_ = s[1:2] + 1
	_, _ = nil, 1
	x, _ = nil, nil
	switch f() {
	case f(), int(2), 1 + 1, int(2), 2:
	}
	const Big = 1 << 500
	const B2 = Big * Big
	const B3 = Big << 400
	const B4 = 1e100000000
	const B5 = 1e10000 * 1e1000000000
	const B6 = -Big*Big + 1
	const B7 = ^(-Big) * Big
	func() {}()
	var g func() = func() int { return 1 }
	var h func(a, b int) (c string, d error)
	_ = g == h
	x = func() {}
	x = h
	_ = 1 ^ any(1)
	_ = any(1) + 1
	_ = any(1) == 1
	_ = any(1) < 1
	_ = error(nil) == 1
	_ = any(1) == s
	_ = any(1) == nil
	_ = []any{} == 1
	for x := range s {
		_ = x
	}
	var err error = h(1, 2)
	_ = f().x
	x = x.(int)
	go func() {}
	x++
	x--
	"a"++
	f()++
	for f() {
	}
	if x := f(); x {
	}
	if f() == 1 {
		return 1
	}
	var p *int = &x
	p.x = 1
	p++
	*p++
	p[0] = 1
	_ = &f()
	_ = *f()
	_ = x &^ 1.5
	_ = -s
}
