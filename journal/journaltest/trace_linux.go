package journaltest

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// call is one system call of a traced child on a file: when it began and ended,
// as line numbers of the trace.
type call struct {
	begin, end int
	name       string
	fd         string
	path       string // of the file it is about
	data       []byte // written
	offset     int64  // of pwrite64, length for ftruncate
	create     bool   // openat with O_CREAT
}

// traced runs the appending child under strace, count appends per writer, and
// returns its calls in the order they ended.
func traced(t *testing.T, dir string, count int) []call {
	t.Helper()
	strace, err := exec.LookPath("strace")
	needed(t, err == nil, "strace is not installed")
	needed(t, exec.Command(strace, "-o", os.DevNull, "true").Run() == nil, "strace may not trace here")
	log := filepath.Join(t.TempDir(), "trace")
	c := startChild(t, childAppend, dir, []string{strace, "-f", "-y", "-xx", "-s", "1000000", "-o", log, "-e",
		"trace=open,openat,write,pwrite64,fsync,fdatasync,ftruncate,fallocate,unlink,unlinkat,rename,renameat,renameat2"},
		fmt.Sprintf("%s=%d", childCountEnv, count))
	c.start(t)
	_, n := c.acks(t, 0, nil)
	if err := c.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	if n != count*childWriters {
		t.Fatalf("the child confirmed %d appends, want %d", n, count*childWriters)
	}
	return parseTrace(t, log)
}

func parseTrace(t *testing.T, log string) []call {
	t.Helper()
	f, err := os.Open(log)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	type begun struct {
		line int
		text string
	}
	open := map[string]begun{} // by thread
	var out []call
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	for n := 1; lines.Scan(); n++ {
		thread, text, _ := strings.Cut(lines.Text(), " ")
		text = strings.TrimSpace(text)
		begin := n
		if cut, ok := strings.CutSuffix(text, " <unfinished ...>"); ok {
			open[thread] = begun{n, cut}
			continue
		}
		if _, rest, ok := strings.Cut(text, " resumed>"); ok && strings.HasPrefix(text, "<... ") {
			begin, text = open[thread].line, open[thread].text+rest
		}
		end := strings.LastIndex(text, " = ") // of the arguments; then the result
		name, args, ok := strings.Cut(text[:max(end, 0)], "(")
		if ok && !strings.HasPrefix(text[end+3:], "-") {
			args = strings.TrimSuffix(strings.TrimRight(args, " "), ")")
			out = append(out, parseCall(t, name, args, begin, n))
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func parseCall(t *testing.T, name, args string, begin, end int) call {
	t.Helper()
	c := call{begin: begin, end: end, name: name}
	if fd, rest, ok := strings.Cut(args, "<"); ok && !strings.ContainsAny(fd, `, "`) {
		path, _, _ := strings.Cut(rest, ">")
		c.fd, c.path = fd, string(unhex(t, path))
	}
	var texts [][]byte
	for i, part := range strings.Split(args, `"`) {
		if i%2 == 1 {
			texts = append(texts, unhex(t, part))
		}
	}
	switch name {
	case "write", "pwrite64":
		c.data = texts[0]
	case "open", "openat", "unlink", "unlinkat":
		c.path = string(texts[0])
		c.create = strings.Contains(args, "O_CREAT")
	case "rename", "renameat", "renameat2", "fallocate":
		t.Fatalf("the test does not know how to follow %s(%s)", name, args)
	}
	if name == "pwrite64" || name == "ftruncate" {
		last := args[strings.LastIndex(args, ", ")+2:]
		off, err := strconv.ParseInt(last, 10, 64)
		if err != nil {
			t.Fatalf("%s(...%s): %v", name, last, err)
		}
		c.offset = off
	}
	return c
}

// unhex decodes \x61\x62, the form in which strace was asked to print all bytes;
// anything else is taken as it is.
func unhex(t *testing.T, s string) []byte {
	t.Helper()
	if !strings.HasPrefix(s, `\x`) {
		return []byte(s)
	}
	out, err := hex.DecodeString(strings.ReplaceAll(s, `\x`, ""))
	if err != nil {
		t.Fatalf("the trace is cut or has an unknown form: %v", err)
	}
	return out
}

func (c *call) sync() bool { return c.name == "fsync" || c.name == "fdatasync" }

// acked returns the unit that a write to the report pipe confirms.
func (c *call) acked() (w, n int, ok bool) {
	if c.name != "write" || c.fd != "3" {
		return 0, 0, false
	}
	_, err := fmt.Sscanf(string(c.data), "ack %d %d\n", &w, &n)
	return w, n, err == nil
}

// marks finds the marks of units in written data.
var marks = regexp.MustCompile(`<\d+:\d+>`)

// testSyncBeforeConfirm checks for every confirmed append that the write with
// its data was followed by a sync of the same file, and that one by the
// confirmation.
func testSyncBeforeConfirm(t *testing.T, h Harness) {
	needed(t, h.OnDisk, "the journal does not write files from its own process")
	count := countFromEnv("SYNCLINE_TRACED", 200) / childWriters
	calls := traced(t, t.TempDir(), count)
	type progress struct{ wrote, synced int } // lines, 0: not yet
	units := map[string]*progress{}
	syncs, acks := map[int]bool{}, 0
	for i := range calls {
		c := &calls[i]
		inLog := strings.HasSuffix(c.path, h.LogSuffix)
		if w, n, ok := c.acked(); ok {
			acks++
			p := units[mark(w, n)]
			if p == nil || p.synced == 0 || p.synced >= c.begin {
				t.Fatalf("unit %d of writer %d was confirmed at line %d; lines of its write and of a sync after it: %+v", n, w, c.begin, p)
			}
			syncs[p.synced] = true
		}
		for _, m := range marks.FindAll(c.data, -1) {
			if c.name == "pwrite64" && inLog && units[string(m)] == nil {
				units[string(m)] = &progress{wrote: c.end}
			}
		}
		if c.sync() && inLog {
			for _, p := range units {
				if p.synced == 0 && p.wrote < c.begin {
					p.synced = c.end
				}
			}
		}
	}
	if acks != count*childWriters {
		t.Errorf("the trace shows %d confirmations, want %d", acks, count*childWriters)
	}
	t.Logf("%d confirmations behind %d syncs", acks, len(syncs))
}
