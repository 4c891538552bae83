package main

import "fmt"

type MyInt int
type MySl []int
type MyMap map[string]int
type MyF func()
type MyCh chan int
type MyP *int
type MyA [2]int
type MyB bool
type T struct{ a int }
type G[X any] struct{ x X }
type I interface{ M() }
type E struct{ T }
type AL = T
type AI = int

func two() (int, string) { return 1, "a" }
func none()              {}
func vr() (x int, y MyInt) { return }

func main() {
	var mi MyInt
	var ms MySl
	var mm MyMap
	var mf MyF
	var mc MyCh
	var mp MyP
	var ma MyA
	var mb MyB
	var t T
	var g G[int]
	var i I
	var pt *T
	var s string
	var n int
	var e error
	var a any
	s = mi
	s = ms
	s = mm
	s = mf
	s = mc
	s = mp
	s = ma
	s = mb
	s = t
	s = g
	s = i
	s = pt
	s = e
	s = a
	s = MyInt(3)
	s = mm["a"]
	s = <-mc
	s = a.(int)
	s = true
	s = 1 < 2
	s = n < 2
	s = n == n
	s = 'x' + 1
	s = 1.5 + 2
	s = 1i
	s = none
	s = none()
	s = two()
	s = nil
	s = []int{1, 2}
	s = func() {}
	s = struct{ a, b int }{}
	s = fmt.Println
	n = s
	n = "abc" + "d"
	mi = n
	n = mi
	_ = n == s
	_ = n < s
	_ = mi == n
	_ = t == n
	_ = t < t
	_ = pt == t
	_ = i == t
	_ = i == pt
	_ = i == n
	_ = a == ms
	_ = ms == a
	_ = mf == nil
	_ = mf == mf
	_ = mm == mm
	_ = nil == mf
	_ = nil == n
	_ = nil < n
	_ = n > nil
	_ = "a" == 1
	_ = 1 == "a"
	_ = 1 == nil
	_ = n == 1.5
	_ = n == "x"
	_ = "x" == n
	_ = n + s
	_ = n + "x"
	_ = "x" + n
	_ = n + nil
	_ = nil + n
	_ = n + true
	_ = n & 1.5
	_ = s & s
	_ = mb + mb
	_ = mb && true
	_ = n && n
	_ = 1 && 2
	_ = pt + pt
	_ = t.a + s
	_ = (n) + (s)
	_ = E{}.T == E{}
	_ = [2][]int{} == [2][]int{}
	_ = struct{ x [3]func() }{} == struct{ x [3]func() }{}
	var iff interface{ M(); N() }
	i = iff
	iff = i
	_ = i == iff
	_ = i.(interface{ M(int) })
	_ = i.(T)
	e = t
	e = pt
	var ch chan int
	var rch <-chan int = ch
	ch = rch
	_ = ch == rch
	n = two
	n += s
	n += 1.5
	n += "a"
	n <<= 1.5
	n <<= s
	s <<= 1
	n = 1 << s
	n %= 0
	n /= 0.0
	var f float64
	f %= 2
	_ = f % 2
	_ = f & 1
	_ = f << 1
	_ = 1.0 << n
	f = 1.0 << n
	_ = 1.5 << n
	var u uint = 1<<n - 1
	_ = u
	_ = 1 / 0.0
	_ = f / 0
	_ = 10 % 0
	_ = int8(100) + 100
	_ = int8(100) * 2
	_ = -int8(-128)
	_ = ^uint8(1)
	_ = uint(1) - 2
	_ = -uint(1)
	_ = "a"[0] == 300
	_ = int64(1<<63)
	_ = 1<<63 - 1 + n
	_ = n + 1<<63
	_ = []byte("a") == nil
	_ = 'a' == "a"
	n, s = s, n
	n, s = two(), 1
	n, s = 1, 2, 3
	n, s = none()
	n = two()
	_, _, _ = two()
	var q, r int = two()
	_, _ = q, r
	fmt.Println(two(), 1)
	fmt.Println(none())
	var z T = T{1}
	z.a, z.b = 1, 2
	none(1)
	none(two())
	t = T{1, 2}
	t = T{}.a
	e = T{}
	_ = map[string]int{"a": "b"}
	_ = [...]string{1, "a", 2: 3}
	_ = MyA{1, 2, 3}
	_ = MySl{"a"}
	_ = pt.b
	_ = pt.a.b
	_ = T.a
	_ = (*T).a
	_ = e.Foo()
	e.Error = nil
	_ = fmt.Println()
	const c int = "a"
	const c2 = n
	const c3 = none()
	const c4 uint8 = 256
	const c5 = 1 / 0
	const c6 T = T{}
	const c7 = len(s)
	const c8, c9 = 1
	const c10 []int = nil
	for i := 0; i < 10; s++ {
	}
	if s := 1; s == "a" {
	}
	switch n {
	case "a", 1.5, s, nil:
	}
	switch mi {
	case n:
	}
	switch a {
	case ms, 1, 1, "a":
	}
	switch {
	case 1:
	}
	var arr [n]int
	var arr2 [-1]int
	var arr3 [1.5]int
	var arr4 ["a"]int
	var arr5 [two()]int
	var arr6 [1 << 62]int
	var arr7 [T]int
	_, _, _, _, _, _, _ = arr, arr2, arr3, arr4, arr5, arr6, arr7
	var v1 foo
	var v2 fmt.foo
	var v3 fmt.Foo
	var v4 n
	var v6 T.x
	var v7 n.x
	var v8 fmt.Println
	var v9 *n
	var v10 map[string]n
	var v11 fmt
	var v12 func(n) s
	_, _, _, _, _, _, _, _, _, _ = v1, v2, v3, v4, v6, v7, v8, v9, v10, v11
	T{}.a = 1
	T{}.foo = 1
	(&T{}).a = 1
	two().a = 1
	ms[0], mm["a"] = "a", "b"
	"abc"[1] = 'x'
	n.a, n[0] = 1, 2
	*n = 1
	*pt = 1
	*nil = 1
	nil = 1
	true = false
	int = 3
	main = nil
	_ = &n.x
	_ = &mm["a"]
	_ = &ms[0]
	_ = &T{}
	_ = &(T{})
	_ = &two
	_ = &"a"
	_ = &nil
	_ = -nil
	_ = !1
	_ = +s
	_ = <-nil
	_ = *nil
	_ = nil.x
	_ = nil[0]
	_ = nil()
	_ = 1()
	_ = "a".b
	_ = int.x
	_ = int(1, 2)
	_ = int()
	_ = T(t, t)
	_ = string(n)
	_ = string(f)
	_ = n.(int)
	_ = s.(type2)
	_ = []int(s)
	_ = []byte(s)
	_ = (func())(n)
	_ = (*T)(n)
	_ = I(t)
	_ = I(pt)
	_ = MyInt("a")
	_ = MyInt(1.5)
	_ = uint8(n)
	_ = uint8(1000)
	_ = float32(1e100)
	_ = [2]int(ms)
	_ = [2]string(ms)
	_ = (*[2]int)(ms)
}
