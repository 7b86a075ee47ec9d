package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/synclinehq/syncline/catalog"
)

// optionFlags gives a command a flag for each declared option. Secrets get
// none: what stands on a command line is seen by every user of the machine.
func optionFlags(c *cobra.Command, o catalog.Options) {
	for i := range o {
		opt := &o[i]
		if opt.Secret {
			continue
		}
		f := c.Flags().VarPF(&optionValue{option: opt}, opt.Flag(), "", flagHelp(opt))
		f.DefValue = opt.DefaultText()
		if opt.Type == catalog.Bool {
			f.NoOptDefVal = "true"
		}
		if opt.Alias != "" {
			alias := c.Flags().VarPF(f.Value, opt.Alias, "", "the same as --"+opt.Flag())
			alias.Hidden = true
		}
		if len(opt.Choices) > 0 {
			_ = c.RegisterFlagCompletionFunc(opt.Flag(), cobra.FixedCompletions(opt.ChoiceValues(), cobra.ShellCompDirectiveNoFileComp))
		}
	}
}

func flagHelp(o *catalog.Option) string {
	help := o.Help
	if len(o.Choices) > 0 {
		help += ": " + strings.Join(o.ChoiceValues(), ", ")
	}
	if o.Alias != "" {
		help += " (short: --" + o.Alias + ")"
	}
	return help
}

// optionValue is a flag whose text an option parses.
type optionValue struct {
	option *catalog.Option
	text   string
	value  any
}

func (v *optionValue) String() string { return v.text }

// Type is the word for the value in the help.
func (v *optionValue) Type() string { return string(v.option.Type) }

// Set implements pflag.Value.
func (v *optionValue) Set(text string) (err error) {
	v.text = text
	v.value, err = v.option.Parse(text)
	return err
}

// optionValues collects the options that were given as flags or, failing that,
// in the environment variable each declares.
func (a *app) optionValues(flags *pflag.FlagSet, o catalog.Options) (catalog.Values, error) {
	out := catalog.Values{}
	for i := range o {
		opt := &o[i]
		if f := flags.Lookup(opt.Flag()); f != nil {
			if v, ok := f.Value.(*optionValue); ok && v.value != nil {
				out[opt.Name] = v.value
				continue
			}
		}
		if opt.Env == "" || a.getenv(opt.Env) == "" {
			continue
		}
		if err := out.Set(o, opt.Name, a.getenv(opt.Env)); err != nil {
			return nil, usagef("environment variable %s: %w", opt.Env, err)
		}
		if !opt.Secret {
			a.warnf("%s is %s, from the environment variable %s", opt.Name, catalog.SafeURI(a.getenv(opt.Env)), opt.Env)
		}
	}
	return out, nil
}

// requireOptions tells, for every required option without a value, which flag
// to give or which variable to set.
func requireOptions(o catalog.Options, v catalog.Values) error {
	var missing []string
	for i := range o {
		switch opt := &o[i]; {
		case !opt.Required || opt.Default != nil || v.Has(opt.Name):
		case opt.Secret:
			missing = append(missing, fmt.Sprintf("%s is missing: set the environment variable %s", opt.Name, opt.Env))
		default:
			what := strings.Join(opt.ChoiceValues(), "|")
			if what == "" {
				what = strings.ToUpper(opt.Name)
			}
			missing = append(missing, fmt.Sprintf("%s is missing: give --%s %s", opt.Name, opt.Flag(), what))
		}
	}
	if len(missing) > 0 {
		return usagef("%s", strings.Join(missing, "\n"))
	}
	return nil
}

// commaList splits "payments, customers".
func commaList(text string) (out []string) {
	for _, s := range strings.Split(text, ",") {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

func flagNames(c *cobra.Command) (names []string) {
	c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	return names
}

// firstError makes a usage error of the first problem.
func firstError(what string, err error) error {
	if err == nil {
		return nil
	}
	return usageError{fmt.Errorf("%s: %w", what, err)}
}
