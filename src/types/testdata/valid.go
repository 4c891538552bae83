package main

import "fmt"

type Ordered interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~uint | ~uint8 | ~float32 | ~float64 | ~string
}

type Seq[V any] func(yield func(V) bool)

type Mutex struct{ state int }

func (m *Mutex) Lock()   { m.state++ }
func (m *Mutex) Unlock() { m.state-- }

func Compare[T Ordered](x, y T) int {
	if x < y {
		return -1
	}
	return 1
}

func SortFunc[S ~[]E, E any](x S, cmp func(a, b E) int) {}


type Number interface {
	~int | ~int8 | ~int16 | ~int32 | ~int64 | ~float32 | ~float64
}

func SumMap[K comparable, V Number](m map[K]V) V {
	var s V
	for _, v := range m {
		s += v
	}
	return s
}

type List[T any] struct {
	head, tail *node[T]
	n          int
}
type node[T any] struct {
	val  T
	next *node[T]
}

func (l *List[T]) Push(v T) {
	n := &node[T]{val: v}
	if l.tail == nil {
		l.head, l.tail = n, n
	} else {
		l.tail.next = n
		l.tail = n
	}
	l.n++
}
func (l *List[T]) All() Seq[T] {
	return func(yield func(T) bool) {
		for n := l.head; n != nil; n = n.next {
			if !yield(n.val) {
				return
			}
		}
	}
}

type Pair[K Ordered, V any] struct {
	Key K
	Val V
}

func (p Pair[K, V]) String() string { return "pair" }

func SortedPairs[M ~map[K]V, K Ordered, V any](m M) []Pair[K, V] {
	var ps []Pair[K, V]
	for k, v := range m {
		ps = append(ps, Pair[K, V]{k, v})
	}
	SortFunc(ps, func(a, b Pair[K, V]) int { return Compare(a.Key, b.Key) })
	return ps
}
func Map[T, U any](xs []T, f func(T) U) []U {
	out := make([]U, 0, len(xs))
	for _, x := range xs {
		out = append(out, f(x))
	}
	return out
}
func Filter[S ~[]E, E any](s S, keep func(E) bool) S {
	var r S
	for _, e := range s {
		if keep(e) {
			r = append(r, e)
		}
	}
	return r
}
func Reduce[T, A any](xs []T, init A, f func(A, T) A) A {
	for _, x := range xs {
		init = f(init, x)
	}
	return init
}

type Set[T comparable] map[T]struct{}

func (s Set[T]) Add(v T)           { s[v] = struct{}{} }
func (s Set[T]) Has(v T) bool      { _, ok := s[v]; return ok }
func NewSet[T comparable](vs ...T) Set[T] {
	s := Set[T]{}
	for _, v := range vs {
		s.Add(v)
	}
	return s
}

type Tree[T Ordered] struct {
	Left, Right *Tree[T]
	Val         T
}

func (t *Tree[T]) Insert(v T) *Tree[T] {
	if t == nil {
		return &Tree[T]{Val: v}
	}
	switch {
	case v < t.Val:
		t.Left = t.Left.Insert(v)
	case v > t.Val:
		t.Right = t.Right.Insert(v)
	}
	return t
}

type Shape interface {
	Area() float64
	fmt.Stringer
}
type Sq struct{ s float64 }

func (s Sq) Area() float64   { return s.s * s.s }
func (s Sq) String() string  { return "sq" }

type MyErr struct{ code int }

func (e *MyErr) Error() string { return "code" }

type Cache[K comparable, V any] struct {
	mu Mutex
	m  map[K]V
}

func (c *Cache[K, V]) Get(k K, mk func() V) V {
	c.mu.Lock()
	defer c.mu.Unlock()
	if v, ok := c.m[k]; ok {
		return v
	}
	if c.m == nil {
		c.m = make(map[K]V)
	}
	v := mk()
	c.m[k] = v
	return v
}

type Opt func(*cfg)
type cfg struct{ n int }

func With(n int) Opt { return func(c *cfg) { c.n = n } }

type Weekday int

const (
	Sun Weekday = iota
	Mon
	Tue
)
const (
	KB = 1 << (10 * (iota + 1))
	MB
)

func (d Weekday) String() string { return [...]string{"S", "M", "T"}[d] }

type byLen []string

func (b byLen) Len() int           { return len(b) }
func (b byLen) Less(i, j int) bool { return len(b[i]) < len(b[j]) }
func (b byLen) Swap(i, j int)      { b[i], b[j] = b[j], b[i] }

func gen[T any](xs ...T) <-chan T {
	ch := make(chan T)
	go func() {
		defer close(ch)
		for _, x := range xs {
			ch <- x
		}
	}()
	return ch
}
func PtrTo[T any](v T) *T { return &v }

type Num2[T any] interface {
	*T
	Set(string)
}
type SI int

func (s *SI) Set(x string) { *s = SI(len(x)) }
func FromStrings[T any, PT Num2[T]](s []string) []T {
	r := make([]T, len(s))
	for i, v := range s {
		p := PT(&r[i])
		p.Set(v)
	}
	return r
}
func apply[T any](x T, fs ...func(T) T) T {
	for _, f := range fs {
		x = f(x)
	}
	return x
}
func id[T any](x T) T { return x }

func main() {
	fmt.Println(SumMap(map[string]int{"a": 1}), SumMap[string, float64](nil))
	var l List[int]
	l.Push(1)
	for v := range l.All() {
		fmt.Println(v + 1)
	}
	fmt.Println(SortedPairs(map[string]int{"a": 1}))
	fmt.Println(Map([]int{1, 2}, func(i int) string { return "x" }))
	fmt.Println(Filter([]int{1, 2, 3}, func(i int) bool { return i%2 == 0 }))
	fmt.Println(Reduce([]int{1, 2}, 0.5, func(a float64, x int) float64 { return a + float64(x) }))
	s := NewSet("a", "b")
	fmt.Println(s.Has("a"))
	var t *Tree[int]
	for _, v := range []int{3, 1, 2} {
		t = t.Insert(v)
	}
	var sh Shape = Sq{2}
	if sq, ok := sh.(Sq); ok {
		fmt.Println(sq.s, ok)
	}
	var err error = &MyErr{3}
	var me *MyErr
	if err != nil && &me != nil {
		fmt.Println(me.code)
	}
	switch e := err.(type) {
	case nil:
	case *MyErr:
		fmt.Println(e.code)
	case fmt.Stringer, interface{ Foo() }:
		fmt.Println(e)
	default:
		_ = e
	}
	c := &Cache[string, []int]{}
	fmt.Println(c.Get("x", func() []int { return []int{1} }))
	o := With(3)
	o(&cfg{})
	_ = byLen{"aaa", "b"}
	for x := range gen(1, 2, 3) {
		fmt.Println(x)
	}
	p := PtrTo(5)
	*p++
	fmt.Println(FromStrings[SI]([]string{"a"}))
	fmt.Println(apply(1, id, id[int], func(x int) int { return x * 2 }))
	var f func(string) string = id
	fmt.Println(f("x"), Mon, KB, MB)
	m := map[[2]int][]map[string]*Pair[string, int]{{1, 2}: {{"a": {"x", 1}}}}
	for k, v := range m {
		fmt.Println(k[0], v[0]["a"].Val)
	}
	var arr [5]int
	for i := range arr {
		arr[i] = i * i
	}
	for i := range len(arr) {
		defer func() { fmt.Println(i) }()
	}
	x, y := 10, 3.5
	fmt.Println(float64(x)*y, x<<2, uint8(x)|1, -x, ^x, x&^3, !true)
	func() {
		defer func() {
			if r := recover(); r != nil {
				fmt.Println("r", r)
			}
		}()
		panic(x)
	}()
outer:
	for i := 0; i < 3; i++ {
		for j := range 3 {
			if j == 2 {
				continue outer
			}
			if i == 2 {
				break outer
			}
		}
	}
	ch := make(chan int, 1)
	done := make(chan struct{})
	select {
	case v, ok := <-ch:
		fmt.Println(v, ok)
	case ch <- 1:
	case <-done:
	default:
	}
	g := Sq.Area
	h := sh.Area
	fmt.Println(g(Sq{1}), h(), (*MyErr).Error(me))
	var z complex128 = complex(1, 2)
	fmt.Println(real(z), imag(z), min(1, 2, x), max("a", "b"))
	type local struct {
		*List[string]
		name string
	}
	lo := local{&List[string]{}, "n"}
	lo.Push("q")
	const big = 1 << 62
	var u8 = byte('a' + 1)
	fmt.Println(big>>60, u8, "abc"[1], len("héllo"), []rune("hé"), string(rune(65)))
	var fn func(int) int
	fn = func(n int) int {
		if n <= 1 {
			return 1
		}
		return n * fn(n-1)
	}
	fmt.Println(fn(5))
		goto end
end:
	fmt.Printf("%v\n", struct{ A, B int }{1, 2})
}
