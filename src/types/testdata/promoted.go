package main

type In struct{ F, F2 int }
type Mid struct{ In }
type Out struct {
	In
	H int
}
type Deep struct {
	Mid
	X int
}

func main() {
	_ = Out{F: 1, H: 2}
	_ = Out{F: 1, F2: 2}
	_ = Out{In: In{}, F: 1}
	_ = Out{F: 1, In: In{}}
	_ = Out{F: 1, F: 2}
	_ = Deep{F: 1, X: 2}
	_ = Deep{Mid: Mid{F: 1}, F: 1}
	_ = Deep{In: In{}, F: 1}
	_ = Deep{F: 1, In: In{}}
	_ = Out{f: 1}
}
