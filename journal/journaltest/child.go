package journaltest

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/synclinehq/syncline"
)

// A child process is this test binary again, running the same test with these
// variables set. It reports on file descriptor 3, one write a line.
const (
	childEnv      = "SYNCLINE_JOURNALTEST_CHILD" // what the child does
	childDirEnv   = "SYNCLINE_JOURNALTEST_DIR"
	childCountEnv = "SYNCLINE_JOURNALTEST_COUNT" // appends per goroutine, 0: until killed
)

const (
	childAppend = "append"
	childFull   = "full"
)

// childWriters is how many goroutines append at once.
const childWriters = 4

func runChild(h Harness, mode string) {
	report := os.NewFile(3, "report")
	var err error
	switch dir := os.Getenv(childDirEnv); mode {
	case childAppend:
		err = appendForever(h, dir, report)
	case childFull:
		err = fillDisk(h, dir, report)
	default:
		err = fmt.Errorf("unknown mode %q", mode)
	}
	if err != nil {
		fmt.Fprintf(report, "error %v\n", strings.ReplaceAll(err.Error(), "\n", " "))
		os.Exit(1)
	}
	os.Exit(0)
}

// appendForever has each writer append its n-th unit for n = 1, 2, 3 ...:
// entries in two streams and a cursor, in one step. It goes on where the
// cursor says, and first sends the last event again, as a sender that has not
// seen the confirmation does. "start" and "ack" lines surround each append.
func appendForever(h Harness, dir string, report io.Writer) error {
	j, err := h.Open(dir, time.Now)
	if err != nil {
		return err
	}
	count, _ := strconv.Atoi(os.Getenv(childCountEnv))
	errs := make(chan error, childWriters)
	for w := range childWriters {
		go func() { errs <- appendUnits(j, w, count, report) }()
	}
	for range childWriters {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil // without closing: the end of the process is all it gets
}

func appendUnits(j syncline.Journal, w, count int, report io.Writer) error {
	done, err := unitsDone(j, w)
	if err != nil {
		return err
	}
	if done > 0 {
		es, _ := unit(w, done)
		if err := j.Append(ctx, es[1:]); err != nil || !es[1].Duplicate || es[1].Conflict {
			return fmt.Errorf("unit %d of %d again: %w, %+v", done, w, err, es[1])
		}
	}
	for n := done + 1; count == 0 || n <= count; n++ {
		es, cur := unit(w, n)
		fmt.Fprintf(report, "start %d %d\n", w, n)
		if err := j.Append(ctx, es, cur); err != nil {
			return err
		}
		if es[1].Duplicate {
			return fmt.Errorf("unit %d of %d is known, but its cursor was not", n, w)
		}
		fmt.Fprintf(report, "ack %d %d\n", w, n)
		if n%50 == 0 {
			if _, err := j.Prune(ctx, time.Time{}); err != nil {
				return err
			}
		}
	}
	return nil
}

func unitsDone(j syncline.Journal, w int) (int, error) {
	c, err := j.Cursor(ctx, "child", fmt.Sprint("w", w))
	if err != nil || c == nil {
		return 0, err
	}
	return strconv.Atoi(string(c))
}

// unit is what writer w appends as its n-th: a page in its own stream and an
// event in one that all share. The content follows from w and n, does not
// compress, and holds a mark that a trace can find.
func unit(w, n int) ([]*syncline.Entry, syncline.StreamCursor) {
	r := rand.NewChaCha8([32]byte{byte(w), byte(n), byte(n >> 8), byte(n >> 16)})
	noise := func(max uint64) []byte {
		b := make([]byte, 40+r.Uint64()%max)
		_, _ = r.Read(b)
		return append([]byte(mark(w, n)), b...)
	}
	at := time.UnixMicro(1772359200000000 + int64(n)).UTC()
	stream := fmt.Sprint("w", w)
	own := &syncline.Entry{Source: "child", Stream: stream, Kind: syncline.KindPage, ReceivedAt: at, Records: 1, Block: noise(6000)}
	shared := &syncline.Entry{Source: "child", Stream: "shared", Kind: syncline.KindEvent, ReceivedAt: at, Records: 1,
		EventID: fmt.Sprintf("%d-%d", w, n), Block: noise(100), Body: noise(100)}
	return []*syncline.Entry{own, shared}, syncline.StreamCursor{Source: "child", Stream: stream, Cursor: fmt.Append(nil, n)}
}

func mark(w, n int) string { return fmt.Sprintf("<%d:%d>", w, n) }

// child is a running child process.
type child struct {
	cmd   *exec.Cmd
	lines *bufio.Scanner
	pipe  *os.File
}

// startChild starts this test again. wrap, if given, is a command to run it
// under.
func startChild(t *testing.T, mode, dir string, wrap []string, env ...string) *child {
	t.Helper()
	root, _, _ := strings.Cut(t.Name(), "/")
	args := append(append([]string{}, wrap...), os.Args[0], "-test.run=^"+root+"$", "-test.timeout=5m")
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(append(os.Environ(), childEnv+"="+mode, childDirEnv+"="+dir), env...)
	cmd.Stderr = os.Stderr
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.ExtraFiles = []*os.File{w}
	return &child{cmd: cmd, lines: bufio.NewScanner(r), pipe: r}
}

func (c *child) start(t *testing.T) {
	t.Helper()
	err := c.cmd.Start()
	_ = c.cmd.ExtraFiles[0].Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.cmd.Process.Kill(); _ = c.pipe.Close() })
}

// acks counts, for each writer, the highest unit that was confirmed. Each line
// of the child is noted; after stop acks, kill is called once.
func (c *child) acks(t *testing.T, stop int, kill func()) (acked [childWriters]int, total int) {
	t.Helper()
	for c.lines.Scan() {
		var w, n int
		line := c.lines.Text()
		if strings.HasPrefix(line, "error") {
			t.Fatalf("child: %s", line)
		}
		if _, err := fmt.Sscanf(line, "ack %d %d", &w, &n); err != nil {
			continue
		}
		acked[w] = n
		if total++; total == stop {
			kill()
		}
	}
	_ = c.pipe.Close()
	return acked, total
}
