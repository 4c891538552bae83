package main

type Intish interface{ ~int | ~int64 }

func Red[T any, U Intish, Us ~[]U](x Us, f func(U) T) T {
	var z T
	return z
}

type NS[U Intish] []U

func (n NS[U]) Get() U {
	return Red(n, func(u U) U { return u })
}

func Eq[S []E, E any](a S) {}

func g[T ~[]int](t T) { Red(t, func(i int) string { return "" }) }
func h[S ~[]E, E any](s S) E {
	var f func(S) E
	_ = f
	return s[0]
}
func k[T ~[]int](t T) int {
	for i, v := range t {
		_, _ = i, v
	}
	t = append(t, 1)
	t[0] = 1
	_ = t[1:2]
	_ = len(t)
	_ = h(t)
	return h(t)
}
func main() {
	Eq([]int{1})
	var x uint = 3
	var f float64
	var i interface{} = 1 << x
	_ = i
	_ = f
	a := make([]int, 1<<x)
	_ = a[1<<x]
	var u64 = uint64(1<<63 | 1<<x)
	_ = u64
	var w int64 = 1.0 << 3
	_ = w
	var b = 1<<x == 2
	_ = b
	_ = 1<<x == 1<<33
	_ = uint64(1)<<63 == 1<<63
	var u8 = uint8(1<<x + 255)
	_ = u8
	var aa = [1 << 3]int{}
	_ = aa
	var arr [10]int
	_ = arr[1.0<<x]
	const c = 1 << 3.0
	println(1<<x, 1.0<<3, c)
	_ = "abc"[1.0<<x]
	_ = x << 1.0
	_ = int8(1) << x
	_ = uint32(1)<<31 | 1<<x
	var z = x>>1<<1 + 2
	_ = z
	_ = 1 << x >> 1.0
	_ = make([]int, 1.0<<x, 1<<10)
	_ = -1 << x
	_ = ^1 << x
	if 1<<x > 3.0 {
	}
	switch 1 << x {
	case 2:
	}
	_ = string(1 << x)
	_ = float32(1 << x)
	_ = string(1 << 100)
}
