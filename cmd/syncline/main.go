// Command syncline brings business data from APIs into a database.
//
// Each command is one file. [run] is the whole program with everything outside
// it passed in, so that tests can start it; [exitCodes] is what it can return.
package main

import (
	"context"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"sync/atomic"
	"syscall"

	"github.com/synclinehq/syncline/all"
)

func main() {
	if os.Getenv("GOGC") == "" {
		// The heap is small beside what a run reads: collecting earlier costs
		// little time and keeps a program that is always there small.
		debug.SetGCPercent(50)
	}
	signals := make(chan os.Signal, 3)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	os.Exit(run(context.Background(), os.Args[1:], os.Stdin, os.Stdout, os.Stderr, os.LookupEnv, signals))
}

// run is the program: it returns the exit code. The first signal asks the work
// in hand to finish its batch, the second cancels it, the third ends the
// process.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer,
	env func(string) (string, bool), signals <-chan os.Signal) int {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	a := newApp(all.Catalog(), stdin, stdout, stderr, env)
	done := make(chan struct{})
	defer close(done)
	go a.watch(signals, cancel, done)
	root := a.rootCommand()
	root.SetArgs(args)
	cmd, err := root.ExecuteContextC(ctx)
	if err == nil {
		err = a.helpErr
	}
	return a.exit(cmd, err)
}

// interrupts is what a signal does at the moment.
type interrupts struct {
	// stop, if set, is called on the first signal in place of cancelling.
	stop atomic.Pointer[func()]
	// came counts the signals.
	came atomic.Int32
}

func (a *app) watch(signals <-chan os.Signal, cancel context.CancelFunc, done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-signals:
		}
		stop := a.interrupts.stop.Load()
		switch n := a.interrupts.came.Add(1); {
		case n == 1 && stop != nil:
			a.note("stopping after the batch in hand; press Ctrl-C again to stop at once")
			(*stop)()
		case n <= 2:
			cancel()
		default:
			os.Exit(exitInterrupted)
		}
	}
}

// onStop sets what the first signal does until the returned function is called.
func (a *app) onStop(stop func()) (reset func()) {
	a.interrupts.stop.Store(&stop)
	return func() { a.interrupts.stop.Store(nil) }
}
