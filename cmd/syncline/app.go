package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/term"

	"github.com/synclinehq/syncline/catalog"
)

// app is what every command needs of the world outside.
type app struct {
	catalog  *catalog.Catalog
	in       io.Reader
	out, err io.Writer
	env      func(string) (string, bool)
	now      func() time.Time

	// inTerminal and errTerminal tell whether a person is at the other end.
	inTerminal, outTerminal, errTerminal bool
	color                                bool

	// Flags of every command.
	json, quiet bool
	verbose     int

	interrupts interrupts
	helpErr    error // why help was shown for something that does not exist

	mu      sync.Mutex
	secrets []string // never shown
	painter painter  // what is painted and must not be torn by other lines
}

// painter shows something that is painted again and again; lines from elsewhere
// go above it.
type painter interface{ above(line string) }

func (a *app) setPainter(p painter) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.painter = p
}

func newApp(c *catalog.Catalog, in io.Reader, out, err io.Writer, env func(string) (string, bool)) *app {
	a := &app{catalog: c, in: in, out: out, err: err, env: env, now: time.Now,
		inTerminal: isTerminal(in), outTerminal: isTerminal(out), errTerminal: isTerminal(err)}
	a.color = a.errTerminal && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
	return a
}

func isTerminal(f any) bool {
	file, ok := f.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func (a *app) getenv(name string) string { v, _ := a.env(name); return v }

// width is the number of columns of the terminal, 80 if there is none.
func (a *app) width() int {
	if f, ok := a.err.(*os.File); ok && a.errTerminal {
		if w, _, err := term.GetSize(int(f.Fd())); err == nil && w > 20 {
			return w
		}
	}
	return 80
}

// keepSecret makes sure that the text is masked in everything shown from now
// on, whoever put it there. Very short texts would mask ordinary words.
func (a *app) keepSecret(texts ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range texts {
		if len(t) >= 6 {
			a.secrets = append(a.secrets, t)
		}
	}
}

// keepSecrets keeps every secret of the values; of a URI, its password.
func (a *app) keepSecrets(p *catalog.Pipeline) {
	for _, v := range []catalog.Values{p.Source.Values, p.Destination.Values, p.Journal.Values, p.Webhooks} {
		for _, value := range v {
			if s, ok := value.(catalog.Secret); ok {
				a.keepSecret(catalog.Sensitive(s.Reveal())...)
			}
		}
	}
}

// clean prepares text from anywhere for a terminal or a log: known secrets are
// masked and control characters escaped, newlines kept.
func (a *app) clean(text string) string {
	a.mu.Lock()
	for _, s := range a.secrets {
		text = strings.ReplaceAll(text, s, catalog.Mask)
	}
	a.mu.Unlock()
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			b.WriteRune(r)
		case r == '\t':
			b.WriteByte(' ')
		default:
			fmt.Fprintf(&b, `\x%02x`, r)
		}
	}
	return b.String()
}

// line is clean without newlines: one line whatever is in it.
func (a *app) line(text string) string { return strings.ReplaceAll(a.clean(text), "\n", `\n`) }

// note tells a person something beside the command's result.
func (a *app) note(format string, args ...any) {
	if !a.quiet {
		a.printErr(fmt.Sprintf(format, args...))
	}
}

func (a *app) warnf(format string, args ...any) {
	a.printErr(a.paint(yellow, "warning: ") + a.line(fmt.Sprintf(format, args...)))
}

func (a *app) errorf(format string, args ...any) {
	a.printErr(a.paint(red, "error: ") + a.line(fmt.Sprintf(format, args...)))
}

// printErr writes a line to standard error, above the painted display.
func (a *app) printErr(line string) {
	a.mu.Lock()
	p := a.painter
	a.mu.Unlock()
	if p != nil {
		p.above(line)
		return
	}
	fmt.Fprintln(a.err, line)
}

// printf writes the command's result.
func (a *app) printf(format string, args ...any) { fmt.Fprintf(a.out, format, args...) }

// logger is for the engine and what it calls. Without -v only warnings are
// shown.
func (a *app) logger() *slog.Logger {
	level := slog.LevelWarn
	switch {
	case a.verbose > 1:
		level = slog.LevelDebug
	case a.verbose == 1:
		level = slog.LevelInfo
	}
	opts := &slog.HandlerOptions{Level: level}
	if a.json {
		return slog.New(slog.NewJSONHandler(logWriter{a}, opts))
	}
	return slog.New(slog.NewTextHandler(logWriter{a}, opts))
}

// logWriter masks secrets in log lines; the handlers escape control characters.
type logWriter struct{ a *app }

func (w logWriter) Write(p []byte) (int, error) {
	w.a.printErr(w.a.clean(strings.TrimSuffix(string(p), "\n")))
	return len(p), nil
}

// Colors by SGR number.
const (
	red    = "31"
	green  = "32"
	yellow = "33"
	dim    = "2"
	bold   = "1"
)

func (a *app) paint(sgr, text string) string {
	if !a.color {
		return text
	}
	return "\x1b[" + sgr + "m" + text + "\x1b[0m"
}
