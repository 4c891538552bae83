package main

import (
	"fmt"
	"os"
	str "strings"
)

var x int = "a"
var x string
type x int

func x() {}

func dup(a int, a string) (a bool) { return }

type S struct {
	a int
	a string
	S
}
type S2 struct{ *S2 }
type R R
type R1 R2
type R2 R1
type R3 [2]R3
type R4 struct{ r R4 }
type II interface{ II }
type I2 interface{ M(); M() }

var a = b
var b = c
var c = a
var d = fd()

func fd() int { return d }

const k = k
const k1 = k2
const k2 = k1

func (s S) M()  {}
func (s *S) M() {}
func (s S) a()  {}
func (i int) Foo() {}
func (i *II) Foo() {}
func (i II) Foo() {}
func (**S) Foo() {}
func (U) Foo() {}

func init() int { return 1 }
func init(a int) {}
func main(a int) {}

var _ = init
var _ = fmt.Printn
var _ = fmt.foo
var _ = fmt
var _ int = fmt.Println

type Dup int
type Dup string

func (d Dup) x() {}
func (d Dup) x() {}
