package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/synclinehq/syncline/catalog"
)

const rootLong = `Syncline pulls records from business APIs and lands each in your database:
incremental, resumable, nothing lost, nothing doubled. Every run ends with a
receipt that says what became of each record; only one that balances is green.

Without arguments, in a terminal, it asks what to connect, writes syncline.yaml
and runs it. To see it work first, without an account: syncline demo`

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:           "syncline",
		Short:         "bring business data into your database, with proof",
		Long:          rootLong,
		Args:          a.noSuchCommand,
		SilenceErrors: true,
		SilenceUsage:  true,
		RunE:          a.runRoot,
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error { return usageError{betterFlagError(c, err)} })
	a.checkHelp(root)
	root.CompletionOptions.HiddenDefaultCmd = true
	root.PersistentFlags().BoolVar(&a.json, "json", false, "one JSON value per line on standard output, for programs")
	root.PersistentFlags().BoolVarP(&a.quiet, "quiet", "q", false, "no progress, only the result")
	root.PersistentFlags().CountVarP(&a.verbose, "verbose", "v", "log what happens; twice for more")
	root.AddGroup(&cobra.Group{ID: "work", Title: "Move data:"}, &cobra.Group{ID: "look", Title: "Look:"}, &cobra.Group{ID: "try", Title: "Try without an account:"})
	for group, commands := range map[string][]*cobra.Command{
		"work": {a.runCommand(), a.syncCommand(), a.resetCommand(), a.dodoSyncCommand()},
		"look": {a.statusCommand(), a.validateCommand(), a.streamsCommand(), a.schemaCommand()},
		"try":  {a.demoCommand(), a.sandboxCommand()},
		"":     {a.versionCommand(), a.completionCommand()},
	} {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	checkArgs(root)
	return root
}

// checkHelp makes asking for help on a command that does not exist an error:
// by itself the flag library shows the help of the command above.
func (a *app) checkHelp(root *cobra.Command) {
	show := root.HelpFunc()
	root.SetHelpFunc(func(c *cobra.Command, args []string) {
		if names := c.Flags().Args(); c.HasSubCommands() && len(names) > 0 {
			if a.helpErr = c.Args(c, names); a.helpErr != nil {
				return
			}
		}
		show(c, args)
	})
	root.SetHelpCommand(&cobra.Command{
		Use: "help [COMMAND]", Short: "show the help of a command", Hidden: true,
		RunE: func(c *cobra.Command, args []string) error {
			found, rest, err := c.Root().Find(args)
			if err == nil && len(rest) > 0 {
				err = found.Args(found, rest)
			}
			if err != nil {
				return usageError{err}
			}
			return found.Help()
		},
	})
}

// checkArgs makes every command's complaint about arguments a usage error.
func checkArgs(c *cobra.Command) {
	for _, sub := range c.Commands() {
		if check := sub.Args; check != nil {
			sub.Args = func(c *cobra.Command, args []string) error {
				if err := check(c, args); err != nil {
					return usageError{err}
				}
				return nil
			}
		}
		checkArgs(sub)
	}
}

func (a *app) noSuchCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range c.Commands() {
		names = append(names, sub.Name())
	}
	return usageError{fmt.Errorf("unknown command %q%s", args[0], catalog.DidYouMean(args[0], names))}
}

// betterFlagError adds the flag that was probably meant.
func betterFlagError(c *cobra.Command, err error) error {
	name, found := strings.CutPrefix(err.Error(), "unknown flag: --")
	if !found {
		return err
	}
	if near := catalog.Nearest(name, flagNames(c)); near != "" {
		return fmt.Errorf("unknown flag --%s (did you mean --%s?)", name, near)
	}
	return fmt.Errorf("unknown flag --%s", name)
}

// runRoot is the program without a command: the guided set-up where a person
// can answer, else the help as an error, so that a script notices.
func (a *app) runRoot(c *cobra.Command, _ []string) error {
	if a.getenv(accessibleEnv) == "" && (!a.inTerminal || !a.outTerminal) {
		if err := c.Help(); err != nil {
			return err
		}
		return shownError{usageError{fmt.Errorf("no command, and no terminal to ask in")}}
	}
	return a.setUp(c.Context())
}
