package main

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/catalog"
	"github.com/synclinehq/syncline/config"
)

// The exit codes. docs/cli.md has the same table; a test compares them.
const (
	exitGreen       = 0
	exitRed         = 1
	exitUsage       = 2
	exitAuth        = 3
	exitUnreachable = 4
	exitLocked      = 5
	exitNotBuilt    = 6
	exitInterrupted = 130
)

var exitCodes = []struct {
	Code          int
	Name, Meaning string
}{
	{exitGreen, "green", "every record that came in is accounted for; or the command did what was asked"},
	{exitRed, "red", "the run failed or does not balance: rows missing, set aside beyond the limit, or stopped to protect data"},
	{exitUsage, "usage", "wrong command line or configuration; nothing was done"},
	{exitAuth, "auth", "the source or the database refuses the credentials, or they lack a permission"},
	{exitUnreachable, "unreachable", "the source or the database cannot be reached, or the source throttled beyond all patience; try again later"},
	{exitLocked, "locked", "another syncline works on this journal or has taken over this pipeline"},
	{exitNotBuilt, "not built", "this version does not have what was asked for yet"},
	{exitInterrupted, "interrupted", "stopped by a signal; finished batches are kept and the next run goes on from there"},
}

// exitByCode says which exit code an error code leads to; the others are red.
var exitByCode = map[syncline.Code]int{
	syncline.CodeConfigInvalid:  exitUsage,
	syncline.CodeAuthFailed:     exitAuth,
	syncline.CodeForbidden:      exitAuth,
	syncline.CodeDestAuth:       exitAuth,
	syncline.CodeDestPermission: exitAuth,
	syncline.CodeSourceDown:     exitUnreachable,
	syncline.CodeRateLimited:    exitUnreachable,
	syncline.CodeDestDown:       exitUnreachable,
	syncline.CodeLocked:         exitLocked,
	syncline.CodeFenced:         exitLocked,
	syncline.CodeInterrupted:    exitInterrupted,
}

// usageError is a wrong command line.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

// shownError is a failure that has been shown already.
type shownError struct{ error }

func (e shownError) Unwrap() error { return e.error }

// exitCode returns the code an error leads to.
func exitCode(err error) int {
	var usage usageError
	var soon *catalog.SoonError
	switch {
	case err == nil:
		return exitGreen
	case errors.As(err, &soon):
		return exitNotBuilt
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, syncline.ErrFenced):
		return exitLocked
	}
	if code, ok := exitByCode[syncline.CodeOf(err)]; ok {
		return code
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, syncline.ErrStopped) || errors.Is(err, errAborted) {
		return exitInterrupted
	}
	return exitRed
}

// exit shows an error, once, and returns the exit code.
func (a *app) exit(cmd *cobra.Command, err error) int {
	code := exitCode(err)
	var shown shownError
	if err == nil || errors.As(err, &shown) {
		return code
	}
	if code == exitInterrupted && a.interrupts.came.Load() > 0 {
		err = syncline.ErrStopped // in place of how the cancellation came through
	}
	if a.json {
		var problems config.Problems
		if !errors.As(err, &problems) {
			writeErrorEvent(a.out, a.clean(err.Error()), err)
		}
		for _, p := range problems { // each is a value of its own
			writeErrorEvent(a.out, a.clean(p.Error()), p)
		}
		return code
	}
	for _, line := range strings.Split(a.clean(err.Error()), "\n") {
		a.errorf("%s", line)
	}
	var usage usageError
	if errors.As(err, &usage) && cmd != nil && code == exitUsage {
		a.errorf("see: %s --help", cmd.CommandPath())
	}
	return code
}
