package main

import "fmt"
import "strings"
import "errors"
import "errors"

func fmt2() {}
func strings() {}

type S struct{ a int }

func (s S) a() {}

type PP *S
type IF interface{ M() }

func (p PP) x()   {}
func (p *PP) y()  {}
func (i IF) x()   {}
func (i *IF) y()  {}
func (f fmt.Stringer) z() {}
func (f *errors.ErrX) z() {}
func ([]int) z()  {}
func (e error) z() {}
func tw() (int, int)  { return 1, 2 }

var a1, b1 = 1, 2, 3
var a2, b2 = 1
var a3 int = tw()
var a4, b4 int = "x", "y"
var a5, b5, c5 = tw()
var a6, b6 = tw(), 1

const c1, c2 = 1, 2, 3
const (
	d1, d2 = iota, iota
	d3
	d4, d5, d6
	d7 = "a" + 1
)
const e1 uint8 = 255 + iota
const (
	e2 uint8 = 254 + iota
	e3
	e4
)
var pv = iota
var iota2 = func() int { return iota }

type M1 map[M2]int
type M2 []M1
type A1 = A2
type A2 = A1
type A3 = *A3
type AR [len(arx)]int
var arx AR
type AR2 [n2]int
const n2 = len(AR2{})

func main[T any]() {}
func init[T any]() {}

var main2 = 1
var x1, x1 = 1, 2

func fd(a, b int, c ...int) {}
func fg(...int) {}
func fh(x fd) {}
func fi(a int, a string) {}
func (s S) s(s int) {}
func fj() (x int, x string) { return }
func fk(_ int, _ string) {}
func fl(c1 c1) {}

type Em struct {
	*IF
	PP
	int
	*int
	S
	*S
}
type E2 struct { a, b, a int }
type Dup interface {
	M(int)
	IF
}
var _ map[S2]int
type S2 struct{ f func() }
var _ [c1]int
var _ [tw]int
var _ [len("abc")]int
var _ [len(a1)]int
var ss string
var _ [len(ss)]int
var _ [len([3]int{})]int
var _ [len([3]int{nn()})]int
func nn() int { return 1 }
var _ [unsafe]int
var _ [nope]int
var _ c1
var _ a1
var _ tw
var _ nil
var _ true
var _ len
func lab() {
	var a, b int = 1, "x"
	var c, d = 1, 2, 3
	var e int = tw()
	f, g := 1, 2, 3
	h, i := tw(), 1
	j, k, l := tw()
	_, _, _, _, _, _, _, _, _, _, _, _ = a, b, c, d, e, f, g, h, i, j, k, l
	var x, y string = tw()
	x, y = tw()
	x, z := tw()
	_, _ := 1, 2
	m, m := 1, 2
	lab := 1
	_ = lab
	return tw()
}
func r1() int { return tw() }
func r2() (int, int, int) { return tw() }
func r3() (int, int, int) { return 1, 2 }
func r4() (string, int) { return tw() }
func r5() (string, int) { return 1, 2, 3 }
func r6() { return nn() }
func r7() { return tw() }
func r8() (int, int) { return nn(), tw() }
func r9() (a int, err error) {
	{
		a := 1
		_ = a
		return
	}
}
func r10() int { return undefd }
func r11() (int, int) { return undefd }
