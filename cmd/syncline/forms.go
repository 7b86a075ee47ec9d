package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"charm.land/bubbles/v2/key"
	tea "charm.land/bubbletea/v2"
	"charm.land/huh/v2"
	"github.com/charmbracelet/x/ansi"

	"github.com/synclinehq/syncline/catalog"
)

// forms asks with painted forms, one question each, all in one program: a
// program for each would lose what is typed while one ends and the next begins.
type forms struct {
	program *tea.Program
	ended   chan struct{} // closed when the program has given the terminal back
}

func newForms(ctx context.Context, in io.Reader, out io.Writer) *forms {
	f := &forms{ended: make(chan struct{})}
	f.program = tea.NewProgram(&questions{}, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithoutSignalHandler())
	go func() {
		defer close(f.ended)
		_, _ = f.program.Run() // every way it ends shows as an unanswered question
	}()
	return f
}

func (f *forms) above(line string) { f.program.Send(said(line)) }

func (f *forms) close() {
	f.program.Quit()
	<-f.ended
}

// ask shows one question until it is answered or the person leaves.
func (f *forms) ask(field huh.Field) error {
	form := huh.NewForm(huh.NewGroup(field)).WithKeyMap(keys())
	answered := make(chan error, 1)
	f.program.Send(question{form, answered})
	select {
	case err := <-answered:
		return err
	case <-f.ended:
		return errAborted
	}
}

// question is a form to be shown, and where its end is told.
type question struct {
	form     *huh.Form
	answered chan<- error
}

// said is a line between the questions.
type said string

// questions is the model of the program: what was said so far, and the question
// that is shown, if any.
type questions struct {
	said  []string
	now   *question
	size  tea.WindowSizeMsg
	early []tea.Msg // keys pressed while no question was there
}

// Init implements tea.Model.
func (q *questions) Init() tea.Cmd { return nil }

// Update implements tea.Model.
func (q *questions) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch m := msg.(type) {
	case question:
		q.now = &m
		return q, q.begin()
	case said:
		q.said = append(q.said, strings.Split(string(m), "\n")...)
		return q, nil
	case tea.WindowSizeMsg:
		q.size = m
	case tea.KeyPressMsg:
		if q.now == nil && m.String() == "ctrl+c" {
			return q, tea.Quit
		}
		if q.now == nil {
			q.early = append(q.early, msg)
			return q, nil
		}
	}
	if q.now == nil {
		return q, nil
	}
	return q, q.pass(msg)
}

// begin shows a question: it learns the size of the window and gets the keys
// that were pressed before it was there.
func (q *questions) begin() tea.Cmd {
	cmds := []tea.Cmd{q.now.form.Init(), q.pass(q.size)}
	for _, msg := range q.early {
		cmds = append(cmds, func() tea.Msg { return msg })
	}
	q.early = nil
	return tea.Sequence(cmds...)
}

// pass gives a message to the form and tells when that ended it.
func (q *questions) pass(msg tea.Msg) tea.Cmd {
	next, cmd := q.now.form.Update(msg)
	if form, ok := next.(*huh.Form); ok {
		q.now.form = form
	}
	switch q.now.form.State {
	case huh.StateCompleted:
		q.now.answered <- nil
	case huh.StateAborted:
		q.now.answered <- errAborted
	default:
		return cmd
	}
	q.now = nil
	return nil
}

// View implements tea.Model. What does not fit is left out at the top.
func (q *questions) View() tea.View {
	var form string
	if q.now != nil {
		form = q.now.form.View()
	}
	lines := q.said
	if q.size.Width > 0 {
		lines = strings.Split(ansi.Wrap(strings.Join(q.said, "\n"), q.size.Width, ""), "\n")
	}
	if room := q.size.Height - strings.Count(form, "\n") - 2; q.size.Height > 0 && len(lines) > room {
		lines = lines[len(lines)-max(0, room):]
	}
	return tea.NewView(strings.Join(lines, "\n") + "\n" + form)
}

// keys is the usual key map, but a line feed is the enter key and never "down":
// what is typed before the first form is shown reaches it so, and would choose
// what nobody wanted.
func keys() *huh.KeyMap {
	k := huh.NewDefaultKeyMap()
	for _, b := range []*key.Binding{&k.Input.Submit, &k.Select.Submit, &k.MultiSelect.Submit, &k.Confirm.Submit} {
		b.SetKeys("enter", "ctrl+j")
	}
	k.Select.Down.SetKeys("down", "j", "ctrl+n")
	k.Select.Filter.SetEnabled(false) // the lists are short, and "/" begins a path
	return k
}

func huhOptions(choices []catalog.Choice) []huh.Option[string] {
	width := 0
	for _, c := range choices {
		width = max(width, len(c.Value))
	}
	out := make([]huh.Option[string], len(choices))
	for i, c := range choices {
		label := c.Value
		if c.Help != "" {
			label = fmt.Sprintf("%-*s  %s", width, c.Value, c.Help)
		}
		out[i] = huh.NewOption(label, c.Value)
	}
	return out
}

func (f *forms) choose(title string, choices []catalog.Choice, def string) (string, error) {
	value := def
	err := f.ask(huh.NewSelect[string]().Title(title).Options(huhOptions(choices)...).Value(&value))
	return value, err
}

func (f *forms) several(title string, choices []catalog.Choice, def []string) ([]string, error) {
	value := slices.Clone(def)
	height := min(len(choices)+2, 16)
	err := f.ask(huh.NewMultiSelect[string]().Title(title).Description("with the time a change can go unseen without webhooks; space selects, / searches, enter goes on").
		Options(huhOptions(choices)...).Height(height).Value(&value).
		Validate(func(v []string) error {
			if len(v) == 0 {
				return errors.New("choose at least one")
			}
			return nil
		}))
	return value, err
}

func (f *forms) text(title, def string, check func(string) error) (string, error) {
	value := def
	err := f.ask(huh.NewInput().Title(title).Value(&value).Validate(check))
	return strings.TrimSpace(value), err
}

func (f *forms) secret(title string) (string, error) {
	var value string
	err := f.ask(huh.NewInput().Title(title).EchoMode(huh.EchoModePassword).Value(&value).Validate(notEmpty))
	return strings.TrimSpace(value), err
}

func (f *forms) confirm(title string, def bool) (bool, error) {
	value := def
	err := f.ask(huh.NewConfirm().Title(title).Value(&value))
	return value, err
}
