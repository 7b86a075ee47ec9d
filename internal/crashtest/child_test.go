//go:build unix

package crashtest

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/synclinehq/syncline"
)

// child is one life of the program.
type child struct {
	cmd      *exec.Cmd
	out, log *output
	ended    chan struct{}
	began    time.Time
}

// output collects what a child writes.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// startChild runs a command; it is killed at the end of the test if it still
// lives then.
func startChild(t testing.TB, cmd *exec.Cmd) *child {
	t.Helper()
	c := &child{cmd: cmd, out: &output{}, log: &output{}, ended: make(chan struct{}), began: time.Now()}
	cmd.Stdout, cmd.Stderr = c.out, c.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		_ = cmd.Wait() // its outcome is in cmd.ProcessState
		close(c.ended)
	}()
	t.Cleanup(func() { c.signal(syscall.SIGKILL); <-c.ended })
	return c
}

func (c *child) signal(s os.Signal) { _ = c.cmd.Process.Signal(s) }

// alive reports whether the child has not ended.
func (c *child) alive() bool {
	select {
	case <-c.ended:
		return false
	default:
		return true
	}
}

// patience is how long any child may take to do what it is waited for. The
// connector keeps to 38 requests a second, whatever the API would allow.
const patience = 3 * time.Minute

// wait returns how the child ended.
func (c *child) wait(t testing.TB) outcome {
	t.Helper()
	select {
	case <-c.ended:
	case <-time.After(patience):
		c.signal(syscall.SIGQUIT) // prints the goroutines
		<-c.ended
		t.Fatalf("the program does not end:\n%s", c.log)
	}
	return c.outcome(t)
}

// kill ends the child as kill -9 does and waits until it is gone.
func (c *child) kill(t testing.TB) outcome {
	t.Helper()
	c.signal(syscall.SIGKILL)
	return c.wait(t)
}

// outcome is how a life ended and what it said.
type outcome struct {
	killed   bool
	exit     int
	lived    time.Duration
	receipts []receipt
	log      string
}

// receipt is a run's account as the program printed it.
type receipt struct {
	Event    string
	Green    bool
	ExitCode int `json:"exit_code"`
	Receipt  syncline.Receipt
}

func (c *child) outcome(t testing.TB) outcome {
	t.Helper()
	status := c.cmd.ProcessState.Sys().(syscall.WaitStatus)
	o := outcome{killed: status.Signaled() && status.Signal() == syscall.SIGKILL, exit: status.ExitStatus(),
		lived: time.Since(c.began), log: c.log.String()}
	for line := range strings.Lines(c.out.String()) {
		var r receipt
		if err := json.Unmarshal([]byte(line), &r); err != nil {
			if o.killed {
				continue // the last line may be cut
			}
			t.Fatalf("output %q: %v", line, err)
		}
		switch r.Event {
		case "receipt":
			o.receipts = append(o.receipts, r)
		case "error":
			o.log += line
		}
	}
	return o
}

// last returns the last receipt.
func (o *outcome) last() *receipt {
	if len(o.receipts) == 0 {
		return &receipt{}
	}
	return &o.receipts[len(o.receipts)-1]
}

// crashed reports a panic or a deadlock, which no kill explains.
func (o *outcome) crashed() bool {
	return strings.Contains(o.log, "panic:") || strings.Contains(o.log, "fatal error:")
}

var listening = regexp.MustCompile(`webhooks for \S+: (http://\S+)`)

// address waits until the child takes webhooks and returns the URL, or an
// error if it ends before.
func (c *child) address() (string, error) {
	deadline := time.Now().Add(patience)
	for {
		if m := listening.FindStringSubmatch(c.log.String()); m != nil {
			return m[1], nil
		}
		select {
		case <-c.ended:
			return "", errors.New("ended before it took webhooks")
		case <-time.After(5 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			return "", errors.New("takes no webhooks")
		}
	}
}
