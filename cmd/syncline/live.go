package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	syncline "github.com/synclinehq/syncline"
)

// live repaints one line per stream in a terminal.
type live struct {
	a       *app
	w       io.Writer
	several bool

	mu      sync.Mutex
	names   []string // in order of appearance
	state   map[string]syncline.Progress
	waited  map[string]time.Duration // at the last paint
	painted int                      // lines on the screen
	frame   int
	dirty   bool
	runs    int
	stop    chan struct{}
	stopped sync.WaitGroup
}

// paintEvery is quick enough to look alive and slow enough for a remote shell.
const paintEvery = 100 * time.Millisecond

func newLive(a *app, several bool) *live {
	l := &live{a: a, w: a.err, several: several, state: map[string]syncline.Progress{}, waited: map[string]time.Duration{}, stop: make(chan struct{})}
	a.setPainter(l)
	l.stopped.Go(l.loop)
	return l
}

func (l *live) loop() {
	tick := time.NewTicker(paintEvery)
	defer tick.Stop()
	for {
		select {
		case <-l.stop:
			return
		case <-tick.C:
			l.mu.Lock()
			l.paint()
			l.mu.Unlock()
		}
	}
}

func (l *live) progress(pipeline string, p syncline.Progress) {
	l.mu.Lock()
	defer l.mu.Unlock()
	name := p.Stream
	if l.several {
		name = pipeline + "/" + name
	}
	if _, known := l.state[name]; !known {
		l.names = append(l.names, name)
	}
	l.state[name] = p
	l.dirty = true
}

// paint writes the block over the one before. A line never wraps: a wrapped
// one would be counted as one and taken for two.
func (l *live) paint() {
	if len(l.names) == 0 || !l.dirty && l.idle() {
		return
	}
	l.dirty = false
	l.frame++
	width := l.a.width() - 1
	var b strings.Builder
	if l.painted > 0 {
		fmt.Fprintf(&b, "\x1b[%dA", l.painted)
	}
	for _, name := range l.names {
		p := l.state[name]
		note := ""
		if p.Waited > l.waited[name] && !ended(p) {
			note = "(rate limit)"
		}
		l.waited[name] = p.Waited
		line := []rune(l.a.line(l.mark(p) + " " + progressLine(name, p, note)))
		if len(line) > width {
			line = append(line[:width-1], '…')
		}
		b.WriteString("\r\x1b[2K" + l.tint(p, string(line)) + "\n")
	}
	l.painted = len(l.names)
	_, _ = io.WriteString(l.w, b.String())
}

func ended(p syncline.Progress) bool {
	return p.Phase == syncline.PhaseDone || p.Phase == syncline.PhaseFailed
}

func (l *live) idle() bool {
	return !slices.ContainsFunc(l.names, func(n string) bool { return !ended(l.state[n]) })
}

// mark is the sign before a line: it turns while there is work.
func (l *live) mark(p syncline.Progress) string {
	switch p.Phase {
	case syncline.PhaseDone:
		return "✓"
	case syncline.PhaseFailed:
		return "✗"
	}
	return string([]rune("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏")[l.frame%10])
}

func (l *live) tint(p syncline.Progress, line string) string {
	switch p.Phase {
	case syncline.PhaseDone:
		return l.a.paint(green, line)
	case syncline.PhaseFailed:
		return l.a.paint(red, line)
	}
	return line
}

// above writes a line over the block, which is painted again below it.
func (l *live) above(line string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wipe()
	fmt.Fprintln(l.w, line)
	l.dirty = true
}

// wipe takes the block off the screen.
func (l *live) wipe() {
	if l.painted > 0 {
		fmt.Fprintf(l.w, "\x1b[%dA\r\x1b[J", l.painted)
		l.painted = 0
	}
}

func (l *live) receipt(r *syncline.Receipt, err error, next time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wipe()
	l.runs++
	l.names, l.state = nil, map[string]syncline.Progress{}
	l.a.showReceipt(r, err, next, l.runs == 1)
}

func (l *live) close() {
	close(l.stop)
	l.stopped.Wait()
	l.a.setPainter(nil)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.wipe()
}

// progressLine is one stream's progress in words and numbers.
func progressLine(name string, p syncline.Progress, note string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%-16s %-10s", name, p.Phase)
	part := func(format string, args ...any) { b.WriteString("  " + fmt.Sprintf(format, args...)) }
	part("%9s fetched", grouped(p.Fetched))
	if s := p.Elapsed.Seconds(); s > 0.2 && p.Fetched > 0 {
		part("%7s/s", grouped(int(float64(p.Fetched)/s)))
	}
	part("%s written", grouped(p.Applied))
	if p.Requests > 0 {
		part("%s requests", grouped(p.Requests))
	}
	if p.Rejected > 0 {
		part("%s set aside", grouped(p.Rejected))
	}
	if p.Retries > 0 {
		part("%s repeated", grouped(p.Retries))
	}
	if p.Remaining > 0 {
		part("%s left", grouped(p.Remaining))
	}
	if note != "" {
		part("%s", note)
	}
	if p.Error != "" {
		part("%s", p.Error)
	}
	return b.String()
}

// grouped writes a number with separators: 12,345,678.
func grouped(n int) string {
	s := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, s = "-", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}
