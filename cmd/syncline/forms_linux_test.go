//go:build !race

// The race detector finds one in the terminal library: at its end it closes the
// input while its own reader may still ask for the file's number.

package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/synclinehq/syncline/config"
	"github.com/synclinehq/syncline/sandbox/dodo"
)

// openTerminal returns the two ends of a pseudo terminal: what a person types
// into and reads from, and what the program gets.
func openTerminal(t *testing.T) (person, program *os.File) {
	t.Helper()
	person, err := os.OpenFile("/dev/ptmx", os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("no pseudo terminals, which CI must have: %v", err)
		}
		t.Skipf("no pseudo terminals here: %v", err)
	}
	fd := int(person.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 100}); err != nil {
		t.Fatal(err)
	}
	program, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { person.Close(); program.Close() })
	return person, program
}

// TestGuidedSetUpInTerminal drives the painted forms by keys.
func TestGuidedSetUpInTerminal(t *testing.T) {
	_, env := sandboxFor(t, dodo.Options{Counts: dodo.Scaled(30)})
	delete(env, "DODO_PAYMENTS_API_KEY")
	env["TERM"] = "xterm-256color"
	t.Setenv("TERM", "xterm-256color")
	t.Chdir(t.TempDir())
	person, program := openTerminal(t)
	screen := newOutput()
	go func() { _, _ = io.Copy(screen, person) }()
	code := make(chan int, 1)
	go func() {
		code <- run(t.Context(), nil, program, program, program, func(n string) (string, bool) { v, ok := env[n]; return v, ok }, nil)
	}()
	for _, step := range []struct{ wait, keys string }{
		{"Where do the records", "\r"},
		{"Which environment", "\r"},
		{"API key?", canary + "\r"},
		{"Where shall they land", "\r"},
		{"Which file", "\r"},
		{"Which streams", "\r"},
		{"How often", "\x1b[B\x1b[B\x1b[B\x1b[B\r"}, // down to "once"
		{"Run it now", "\r"},
		{"green: ", ""},
	} {
		screen.wait(t, step.wait, 1)
		if _, err := io.WriteString(person, step.keys); err != nil {
			t.Fatal(err)
		}
	}
	if got := <-code; got != exitGreen {
		t.Errorf("exit code %d\n%s", got, screen)
	}
	if n := len(screen.String()); n == 0 || strings.Contains(screen.String(), canary) {
		t.Error("the screen shows the key")
	}
	key, err := os.ReadFile(filepath.Join(config.StateDir, "secrets", "dodo_api_key"))
	if err != nil || string(key) != canary+"\n" {
		t.Errorf("the key file holds %q, %v", key, err)
	}
}

// TestLeavingTheSetUp leaves by Ctrl-C.
func TestLeavingTheSetUp(t *testing.T) {
	t.Chdir(t.TempDir())
	person, program := openTerminal(t)
	screen := newOutput()
	go func() { _, _ = io.Copy(screen, person) }()
	code := make(chan int, 1)
	env := func(n string) (string, bool) { return map[string]string{"TERM": "xterm-256color"}[n], n == "TERM" }
	go func() { code <- run(t.Context(), nil, program, program, program, env, nil) }()
	screen.wait(t, "Where do the records", 1)
	if _, err := io.WriteString(person, "\x03"); err != nil {
		t.Fatal(err)
	}
	if got := <-code; got != exitInterrupted {
		t.Errorf("exit code %d\n%s", got, screen)
	}
	if entries, _ := os.ReadDir("."); len(entries) != 0 {
		t.Errorf("left behind: %v", entries)
	}
}
