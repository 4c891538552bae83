package main

type T struct{ a, b int }
type I interface{ M() }

func f() (int, int) { return 1, 2 }
func g(a int, b string) int { return 0 }
func v(a int, b ...string) {}

func assign() {
	a, b := 1
	a, b = f(), 2
	var c, d = f2()
	var e, h = f(), 1
	var i, j int = 1
	x := f()
	a = 1, 2
	var s string = 1
	s = 2
	s = a
	s += 1
	a := 3
	_ = a
	k := 1
	1 = 2
	f() = 3
	"a"[0] = 1
	var m map[string]T
	m["a"].a = 1
	m["a"] = 1
	m[1] = T{}
	const cc = 1
	cc = 2
	s[0] = 1
	f = nil
	a++
	s++
	_ = nil
	var n = nil
	q := nil
	return 1
}
func ret() (int, string) {
	if true {
		return
	}
	if true {
		return 1
	}
	if true {
		return "a", 1
	}
	if true {
		return f()
	}
	if true {
		return 1, "a", 3
	}
}
func calls() {
	g()
	g(1)
	g(1, "a", 2)
	g("a", 1)
	g(f())
	v()
	v(1, 2)
	v(1, "a", 3)
	v(1, []string{}...)
	v(1, "a", []string{}...)
	g(1, "a"...)
	var x int
	x()
	x.foo()
	_ = x.foo
	var t T
	t.c = 1
	t.M()
	g(1, "a")
	g
	1
	x
	x + 1
	-x
	len("a")
	append([]int{}, 1)
	func() {}
	T{}
	defer g(1, "a")
	defer len("a")
	go append([]int{}, 1)
	defer int(3)
	undefinedf()
	_ = undefinedv
	return
}
