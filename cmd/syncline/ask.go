package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/term"

	"github.com/synclinehq/syncline/catalog"
)

// accessibleEnv asks with plain lines in place of painted forms: for screen
// readers, very plain terminals and scripts.
const accessibleEnv = "SYNCLINE_ACCESSIBLE"

// errAborted means that the person left the set-up.
var errAborted = errors.New("set-up left; nothing was written")

// asker asks a person. All methods return errAborted when they leave.
type asker interface {
	// choose returns the value of one choice; def is selected at first.
	choose(title string, choices []catalog.Choice, def string) (string, error)
	// several returns the values of any number of choices, at least one.
	several(title string, choices []catalog.Choice, def []string) ([]string, error)
	// text returns a line that check accepts; an empty answer is def.
	text(title, def string, check func(string) error) (string, error)
	// secret is text that is not shown while it is typed.
	secret(title string) (string, error)
	confirm(title string, def bool) (bool, error)
	// above shows a line between the questions.
	above(line string)
	// close ends the asking and gives the terminal back.
	close()
}

func (a *app) newAsker(ctx context.Context) asker {
	if a.getenv(accessibleEnv) != "" || a.getenv("TERM") == "dumb" {
		return &lines{in: bufio.NewReader(a.in), raw: a.in, out: a.out}
	}
	return newForms(ctx, a.in, a.out)
}

func notEmpty(s string) error {
	if strings.TrimSpace(s) == "" {
		return errors.New("an answer is needed")
	}
	return nil
}

// lines asks with plain lines.
type lines struct {
	in  *bufio.Reader
	raw io.Reader
	out io.Writer
}

func (l *lines) above(line string) { fmt.Fprintln(l.out, line) }

func (l *lines) close() {}

// ask prints a prompt and reads one line. The end of input is leaving.
func (l *lines) ask(prompt string) (string, error) {
	fmt.Fprint(l.out, prompt)
	line, err := l.in.ReadString('\n')
	if err != nil && line == "" {
		fmt.Fprintln(l.out)
		return "", errAborted
	}
	return strings.TrimSpace(line), nil
}

func (l *lines) list(title string, choices []catalog.Choice) {
	fmt.Fprintln(l.out, title)
	for i, c := range choices {
		fmt.Fprintln(l.out, strings.TrimRight(fmt.Sprintf("  %d) %-22s %s", i+1, c.Value, c.Help), " "))
	}
}

// pick reads numbers or values, separated by commas.
func pick(answer string, choices []catalog.Choice) (out []string, err error) {
	for _, word := range commaList(answer) {
		i := slices.IndexFunc(choices, func(c catalog.Choice) bool { return c.Value == word })
		if n, nerr := strconv.Atoi(word); nerr == nil {
			i = n - 1
		}
		if i < 0 || i >= len(choices) {
			return nil, fmt.Errorf("%q is not one of the choices", word)
		}
		out = append(out, choices[i].Value)
	}
	return out, nil
}

func (l *lines) choose(title string, choices []catalog.Choice, def string) (string, error) {
	l.list(title, choices)
	for {
		answer, err := l.ask("Number [" + def + "]: ")
		if err != nil || answer == "" {
			return def, err
		}
		values, err := pick(answer, choices)
		if err == nil && len(values) == 1 {
			return values[0], nil
		}
		fmt.Fprintln(l.out, "  please answer with one number from 1 to", len(choices))
	}
}

func (l *lines) several(title string, choices []catalog.Choice, def []string) ([]string, error) {
	l.list(title, choices)
	for {
		answer, err := l.ask("Numbers, with commas [" + strings.Join(def, ",") + "]: ")
		if err != nil || answer == "" && len(def) > 0 {
			return def, err
		}
		values, err := pick(answer, choices)
		if err == nil && len(values) > 0 {
			return slices.Compact(values), nil
		}
		fmt.Fprintln(l.out, "  please answer with numbers from 1 to", len(choices))
	}
}

func (l *lines) text(title, def string, check func(string) error) (string, error) {
	for {
		prompt := title
		if def != "" {
			prompt += " [" + def + "]"
		}
		answer, err := l.ask(prompt + ": ")
		if err != nil {
			return "", err
		}
		if answer == "" {
			answer = def
		}
		if err := check(answer); err != nil {
			fmt.Fprintln(l.out, "  "+err.Error())
			continue
		}
		return answer, nil
	}
}

func (l *lines) secret(title string) (string, error) {
	for {
		answer, err := l.hidden(title + " (hidden): ")
		if err != nil || answer != "" {
			return answer, err
		}
	}
}

func (l *lines) hidden(prompt string) (string, error) {
	f, ok := l.raw.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return l.ask(prompt)
	}
	fmt.Fprint(l.out, prompt)
	text, err := term.ReadPassword(int(f.Fd()))
	fmt.Fprintln(l.out)
	if err != nil {
		return "", errAborted
	}
	return strings.TrimSpace(string(text)), nil
}

func (l *lines) confirm(title string, def bool) (bool, error) {
	hint := map[bool]string{true: " [Y/n] ", false: " [y/N] "}[def]
	for {
		answer, err := l.ask(title + hint)
		if err != nil {
			return false, err
		}
		switch strings.ToLower(answer) {
		case "":
			return def, nil
		case "y", "yes":
			return true, nil
		case "n", "no":
			return false, nil
		}
	}
}
