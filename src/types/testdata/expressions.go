package main

type T struct{ a, b int }
type I interface{ M() }
type P struct{}

func (*P) M() {}

type W struct{}

func (W) M(int) {}

type W2 struct{}

func (W2) m() {}

func main() {
	var i I
	i = P{}
	i = &P{}
	i = W{}
	i = W2{}
	i = 1
	i = T{}
	i = &i
	var pi *I = &i
	pi.M()
	_ = T{1}
	_ = T{1, 2, 3}
	_ = T{a: 1, 2}
	_ = T{c: 1}
	_ = T{a: 1, a: 2}
	_ = T{"a", 1}
	_ = T{a: "x"}
	_ = []int{"a", 1: 2, 1: 3}
	_ = [2]int{1, 2, 3}
	_ = [2]int{5: 1}
	_ = []int{-1: 2}
	_ = []int{"a": 2}
	_ = map[string]int{"a": 1, "a": 2}
	_ = map[string]int{1: 1, "b": "c"}
	_ = map[string]int{1}
	_ = int{1}
	_ = [...]int{1, 2}
	var z [...]int
	_ = *i
	_ = *1
	_ = &1
	_ = &f
	_ = &main()
	_ = i.(T)
	_ = i.(*P)
	var n int
	_ = n.(int)
	_ = n[0]
	_ = n[1:2]
	_ = "abc"[5]
	_ = [2]int{}[2]
	_ = []int{}[-1]
	_ = []int{}["a"]
	_ = []int{}[1.5]
	_ = "abc"[2:1]
	_ = "abc"[1:2:3]
	var arr [4]int
	_ = arr[:5]
	_ = arr[3:1]
	_ = [4]int{}[:]
	_ = n + "a"
	_ = n + 1.5
	_ = "a" + 1
	_ = "a" - "b"
	_ = !n
	_ = -"a"
	_ = ^1.5
	_ = n && true
	_ = n == "a"
	_ = n == nil
	_ = nil == nil
	_ = main == main
	_ = []int{} == []int{}
	_ = []int{} == nil
	_ = map[[]int]int{}
	_ = struct{ f []int }{} == struct{ f []int }{}
	_ = i < i
	_ = true < false
	_ = n << 1.5
	_ = n << -1
	_ = 1.5 << 1
	_ = "a" << 1
	_ = n / 0
	_ = 1 / 0
	_ = 1.0 / 0
	_ = n % 0
	_ = 1.5 % 2
	var u8 uint8 = 256
	u8 = -1
	u8 = 1.5
	u8 = 'a'
	_ = uint8(300)
	_ = int("a")
	_ = string(1.5)
	_ = []byte(1)
	_ = int8(1) << 10
	_ = 1 << 100
	var big = 1 << 100
	var ff float32 = 1e100
	_ = T(1)
	_ = i + i
	_ = <-n
	n <- 1
	var ro <-chan int
	var so chan<- int
	ro <- 1
	<-so
	_ = <-so
	close(ro)
	close(n)
	so <- "a"
	for range so {
	}
	_ = T.a
	_ = T.Foo
	_ = P.M
	_ = T
	_ = int
	var t2 T
	T.x()
	t2.a()
	n = int
	n = append
	_ = len
	var str string = 'a'
	_ = cap("a")
	_ = cap(map[int]int{})
	_ = len(1)
	_ = len()
	_ = len("a", "b")
	_ = make(int)
	_ = make([]int)
	_ = make([]int, "a")
	_ = make([]int, -1)
	_ = make([]int, 2, 1)
	_ = make([]int, 1, 2, 3)
	_ = make(map[int]int, 1, 2)
	_ = make()
	_ = make(1)
	_ = new()
	_ = new(1, 2)
	_ = append()
	_ = append(1, 2)
	_ = append([]int{}, "a")
	_ = append(nil, 1)
	_ = copy([]int{}, []string{})
	_ = copy(1, 2)
	delete(n, 1)
	delete(map[string]int{}, 1)
	_ = complex(1, "a")
	_ = complex(n, 2)
	_ = real(1.5)
	_ = real("a")
	_ = min()
	_ = min(1, "a")
	_ = min(n, 1.5)
	_ = max(t2)
	clear(n)
	clear(1)
	panic()
	panic(1, 2)
	_ = recover(1)
	print(main)
	_ = println()
}
