package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

// child is a process whose memory is watched from its start to its end.
type child struct {
	cmd      *exec.Cmd
	started  time.Time
	stderr   bytes.Buffer
	watched  chan struct{}
	peak     atomic.Int64 // bytes resident at most
	finished chan struct{}
}

// usage is what a process used.
type usage struct {
	elapsed time.Duration
	cpu     time.Duration
	peak    int64 // bytes resident at most, 0 where the system does not tell
}

// peakEvery is how often the peak is read. The kernel keeps the peak itself, so
// only what happens in the last moment of a process can be missed.
const peakEvery = 5 * time.Millisecond

// startChild starts a program. Its standard output goes to out, which may be
// nil.
func startChild(ctx context.Context, out io.Writer, env []string, name string, args ...string) (*child, error) {
	c := &child{cmd: exec.CommandContext(ctx, name, args...), watched: make(chan struct{}), finished: make(chan struct{})}
	c.cmd.Stdout, c.cmd.Stderr = out, &c.stderr
	c.cmd.Env = append(os.Environ(), env...)
	c.cmd.Cancel = func() error { return c.cmd.Process.Signal(syscall.SIGTERM) }
	c.cmd.WaitDelay = 10 * time.Second
	c.started = time.Now()
	if err := c.cmd.Start(); err != nil {
		return nil, err
	}
	go c.watch()
	return c, nil
}

func (c *child) watch() {
	defer close(c.watched)
	tick := time.NewTicker(peakEvery)
	defer tick.Stop()
	for {
		if peak := memory(c.cmd.Process.Pid, "VmHWM"); peak > 0 {
			c.peak.Store(peak)
		}
		select {
		case <-tick.C:
		case <-c.finished:
			return
		}
	}
}

// wait waits for the end of the process; another status than 0 is an error with
// what it said.
func (c *child) wait() (usage, error) {
	err := c.cmd.Wait()
	u := usage{elapsed: time.Since(c.started)}
	close(c.finished)
	<-c.watched
	u.peak = c.peak.Load()
	u.cpu = c.cmd.ProcessState.UserTime() + c.cmd.ProcessState.SystemTime()
	if err != nil {
		err = fmt.Errorf("%s: %w\n%s", strings.Join(c.cmd.Args, " "), err, c.stderr.Bytes())
	}
	return u, err
}

// stop asks the process to end and waits for that.
func (c *child) stop() {
	_ = c.cmd.Process.Signal(syscall.SIGTERM)
	_, _ = c.wait()
}

// memory reads a line such as VmHWM (the peak) or VmRSS (now) of a process, in
// bytes; 0 where there is none.
func memory(pid int, key string) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	_, rest, ok := strings.Cut(string(status), key+":")
	if !ok {
		return 0
	}
	kb, err := strconv.ParseInt(strings.Fields(rest)[0], 10, 64)
	if err != nil {
		return 0
	}
	return kb << 10
}
