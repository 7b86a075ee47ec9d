// Package failpoint marks the places where a crash test stops the program.
//
// A place is marked with one line:
//
//	if err := failpoint.Hit("deliver.before_write"); err != nil {
//		return err
//	}
//
// Without the build tag failpoint, Hit is an inlined nil and costs nothing.
// With it, the environment variable SYNCLINE_FAILPOINT says what happens:
//
//	name=action[@n][;name=action[@n]...]
//
// The action is taken at the n-th hit of the name (the first if @n is
// missing), once. Actions are kill (SIGKILL to the own process), panic, error
// (Hit returns an error) and sleep:DURATION.
package failpoint

import "slices"

// names lists every point. Tests iterate it, so a point that is not here does
// not exist: with the build tag, Hit panics on an unknown name.
var names = []string{
	// Hop 1: source to journal.
	"collect.before_append",
	"journal.append.begin",
	"journal.append.before_commit",
	"journal.append.after_commit",
	"collect.after_append",

	// Hop 2: journal to destination.
	"deliver.before_intend",
	"deliver.after_intend",
	"deliver.before_write",
	"destination.begin",
	"destination.after_rows",
	"destination.before_state",
	"destination.before_commit",
	"destination.after_commit",
	"deliver.after_write",
	"deliver.after_delivered",

	// End of a run.
	"sweep.before_deletes",
	"sweep.after_deletes",
	"run.before_receipt",

	// Webhook intake.
	"webhook.before_append",
	"webhook.after_append",
}

// Names returns the names of all points in the order a record passes them.
func Names() []string { return slices.Clone(names) }
