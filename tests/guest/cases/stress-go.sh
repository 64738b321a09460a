#!/bin/sh
# needs: go gcc
# timeout: 240
# covers: go build and go build -race run inside, goroutines, os/exec, signals
# flags: -e GOFLAGS=-mod=mod
export HOME=$PWD GOCACHE=$PWD/cache GOPATH=$PWD/path GO111MODULE=off GOTOOLCHAIN=local
cat > main.go <<'END'
package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"sync"
	"syscall"
	"time"
)

func main() {
	var wg sync.WaitGroup
	var mu sync.Mutex
	n := 0
	for i := 0; i < 100; i++ {
		wg.Add(1)
		go func() { defer wg.Done(); for j := 0; j < 100; j++ { mu.Lock(); n++; mu.Unlock() } }()
	}
	wg.Wait()
	fmt.Println(n)
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGUSR1)
	syscall.Kill(os.Getpid(), syscall.SIGUSR1)
	fmt.Println(<-c)
	out := make([]string, 12)
	for i := range out {
		wg.Add(1)
		go func(i int) { defer wg.Done(); b, err := exec.Command("/bin/sh", "-c", fmt.Sprintf("echo %d; exit %d", i, i%3)).Output(); out[i] = fmt.Sprint(string(b), err) }(i)
	}
	wg.Wait()
	fmt.Printf("%q\n", out)
	select { case <-time.After(20 * time.Millisecond): fmt.Println("timer") }
	r, w, _ := os.Pipe()
	go func() { for i := 0; i < 1000; i++ { fmt.Fprintf(w, "%064d", i) }; w.Close() }()
	buf, total := make([]byte, 777), 0
	for { k, err := r.Read(buf); total += k; if err != nil { break } }
	fmt.Println(total)
}
END
go build -o plain main.go && ./plain; echo "$?"
CGO_ENABLED=1 go build -race -o race main.go && ./race; echo "$?"
