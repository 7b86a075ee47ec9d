package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// machine is what the figures were measured on.
type machine struct {
	Time     time.Time `json:"time"`
	System   string    `json:"system"`
	CPU      string    `json:"cpu"`
	Cores    int       `json:"cores"`
	MemoryGB float64   `json:"memory_gb"`
	Go       string    `json:"go"`
	// Sync is the median time of a 4 KiB write with fdatasync, in milliseconds,
	// where the databases lie.
	Sync float64 `json:"sync_ms"`
	// Load is the load average at the start: what else was going on.
	Load float64 `json:"load"`
}

func describeMachine(dir string) machine {
	m := machine{Time: time.Now().UTC(), System: runtime.GOOS + "/" + runtime.GOARCH, Cores: runtime.NumCPU(), Go: runtime.Version()}
	if v := firstLine("/proc/sys/kernel/osrelease"); v != "" {
		m.System += " " + v
	}
	m.CPU = field("/proc/cpuinfo", "model name")
	if f := strings.Fields(field("/proc/meminfo", "MemTotal")); len(f) > 0 {
		kb, _ := strconv.ParseFloat(f[0], 64)
		m.MemoryGB = kb / (1 << 20)
	}
	m.Load, _ = strconv.ParseFloat(strings.SplitN(firstLine("/proc/loadavg")+" ", " ", 2)[0], 64)
	m.Sync = syncTime(dir)
	return m
}

func firstLine(path string) string {
	b, _ := os.ReadFile(path)
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

func field(path, key string) string {
	b, _ := os.ReadFile(path)
	for line := range strings.Lines(string(b)) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == key {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// syncTime is the time of a small durable write, on which every commit depends.
func syncTime(dir string) float64 {
	f, err := os.Create(filepath.Join(dir, "sync.probe"))
	if err != nil {
		return 0
	}
	defer os.Remove(f.Name())
	defer f.Close()
	page := make([]byte, 4096)
	var times []float64
	for range 50 {
		start := time.Now()
		if _, err := f.Write(page); err != nil {
			return 0
		}
		if err := f.Sync(); err != nil {
			return 0
		}
		times = append(times, float64(time.Since(start).Microseconds())/1000)
	}
	return median(times)
}

func (m *machine) print(out io.Writer) {
	fmt.Fprintf(out, "%s, %s, %d cores, %.0f GB, %s, durable 4 KiB write %s ms, load %.2f, %s\n",
		m.System, m.CPU, m.Cores, m.MemoryGB, m.Go, number(m.Sync), m.Load, m.Time.Format(time.RFC3339))
	if m.Load > 0.5 {
		fmt.Fprintln(out, "The machine is not quiet: take the figures as provisional.")
	}
}
