#!/bin/sh
# needs: go
# timeout: 180
export HOME=$PWD GOCACHE=$PWD/c GOFLAGS=-mod=mod GO111MODULE=off CGO_ENABLED=0
cat > h.go <<'EOF'
package main
import ("fmt"; "os"; "os/exec"; "sync"; "time")
func main() {
	var wg sync.WaitGroup; var mu sync.Mutex; s := 0
	for i := 0; i < 50; i++ { wg.Add(1); go func(i int) { defer wg.Done(); time.Sleep(time.Millisecond); mu.Lock(); s += i; mu.Unlock() }(i) }
	wg.Wait(); fmt.Println(s)
	b, _ := exec.Command("echo", "from go").Output(); fmt.Print(string(b)); os.WriteFile("x", []byte("y"), 0644); d, _ := os.ReadFile("x"); fmt.Println(string(d))
}
EOF
go build -o h h.go && ./h
