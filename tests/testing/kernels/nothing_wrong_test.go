// finds: nothing
package main

import (
	"context"
	"sync"
	"testing"
	"time"
)

var jobs = make(chan func())

func TestWorker(t *testing.T) {
	// A worker for the whole process is no leak: later tests can send it work.
	go func() {
		for f := range jobs {
			f()
		}
	}()
	done := make(chan bool)
	jobs <- func() { close(done) }
	<-done
}

func TestSlowEnd(t *testing.T) {
	c := make(chan int, 1)
	go func() {
		time.Sleep(30 * time.Millisecond)
		c <- 1
	}()
	go func() {
		select {
		case <-c:
		case <-time.After(50 * time.Millisecond):
		}
	}()
}

func TestOrdered(t *testing.T) {
	var a, b sync.Mutex
	var wg sync.WaitGroup
	n := 0
	for i := 0; i < 4; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			a.Lock()
			defer a.Unlock()
			b.Lock()
			defer b.Unlock()
			n++
		}()
	}
	wg.Wait()
	if n != 4 {
		t.Fatal(n)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	for i := 0; i < 3; i++ {
		go func() { <-ctx.Done() }()
	}
}

func TestParallel(t *testing.T) {
	for _, name := range []string{"a", "b"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := make(chan int)
			go func() { c <- 1 }()
			<-c
		})
	}
}
