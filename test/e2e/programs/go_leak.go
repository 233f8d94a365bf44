// Leaks in a named function and writes heap profiles as it grows, through
// runtime/pprof: go_leak DIRECTORY COUNT.
package main

import (
	"fmt"
	"os"
	"runtime"
	"runtime/pprof"
	"strconv"
	"time"
)

var (
	kept    [][]byte
	table   []byte
	scratch []byte
)

//go:noinline
func leakRecords(n int) {
	for i := 0; i < n; i++ {
		kept = append(kept, make([]byte, 4096))
	}
}

// Allocates more than the leak does, and keeps one.
//
//go:noinline
func churn(n int) {
	for i := 0; i < n; i++ {
		scratch = make([]byte, 8192)
	}
}

// Large, and there from the start.
//
//go:noinline
func loadTable() {
	table = make([]byte, 32<<20)
}

func dump(path, profile string, debug int) {
	// What is in use is known as of the last collection.
	runtime.GC()
	file, err := os.Create(path)
	if err != nil {
		panic(err)
	}
	if err := pprof.Lookup(profile).WriteTo(file, debug); err != nil {
		panic(err)
	}
	if err := file.Close(); err != nil {
		panic(err)
	}
}

func main() {
	directory := os.Args[1]
	count, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	runtime.MemProfileRate = 4096
	kept = make([][]byte, 0, 1<<16)
	loadTable()
	for i := 1; i <= count; i++ {
		leakRecords(500)
		churn(2000)
		dump(fmt.Sprintf("%s/heap.%d.pb.gz", directory, i), "heap", 0)
		dump(fmt.Sprintf("%s/heap.%d.txt", directory, i), "heap", 1)
		time.Sleep(20 * time.Millisecond)
	}
	for i := 0; i < 5; i++ {
		go func() { select {} }()
	}
	dump(directory+"/goroutine.pb.gz", "goroutine", 0)
	cpu, err := os.Create(directory + "/cpu.pb.gz")
	if err != nil {
		panic(err)
	}
	if err := pprof.StartCPUProfile(cpu); err != nil {
		panic(err)
	}
	pprof.StopCPUProfile()
	if err := cpu.Close(); err != nil {
		panic(err)
	}
}
