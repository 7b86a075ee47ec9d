// Command bench measures Syncline against the physical limit of the machine it
// runs on: bare programs that do the same work with nothing around it. Limit
// and Syncline are run in turns in one sitting, so that the ratio holds even
// where the figures themselves do not.
//
//	go run ./bench -rows 200000 -repeats 3
//	go run ./bench -only postgres,start -json result.json
//
// A figure is a file: firstload.go, unchanged.go, latency.go, memory.go,
// start.go. The limit programs (limit_*.go) and the sandbox run as processes of
// their own, which are this program with another first argument.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"time"
)

// subcommands are the processes a figure starts.
var subcommands = map[string]func(ctx context.Context, args []string) error{
	"sandbox":        runSandbox,
	"limit-postgres": runLimitPostgres,
	"limit-sqlite":   runLimitSQLite,
	"limit-read":     runLimitRead,
	"profile":        runProfile,
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := dispatch(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func dispatch(ctx context.Context, args []string) error {
	if len(args) > 0 && subcommands[args[0]] != nil {
		return subcommands[args[0]](ctx, args[1:])
	}
	o := options{}
	fs := flag.NewFlagSet("bench", flag.ContinueOnError)
	fs.IntVar(&o.rows, "rows", 200000, "payments to load")
	fs.IntVar(&o.big, "big", 0, "payments of the larger load of figure memory, default 10 times rows")
	fs.IntVar(&o.repeats, "repeats", 3, "measurements of each program")
	fs.IntVar(&o.workers, "workers", sourceConcurrency, "requests at a time in the limit programs")
	fs.IntVar(&o.writers, "writers", 1, "connections the limit program for PostgreSQL writes on")
	fs.IntVar(&o.merge, "merge", mergeRows, "rows the limit program for PostgreSQL merges at a time")
	fs.StringVar(&o.postgres, "postgres", "", "URI of a superuser on a running server; by default one is started")
	fs.DurationVar(&o.settle, "settle", 10*time.Second, "time between a run and the reading of idle memory")
	fs.StringVar(&o.binary, "syncline", "", "syncline program to measure; by default it is built")
	fs.StringVar(&o.dir, "dir", "", "folder for databases and journals, by default a temporary one")
	only := fs.String("only", "", "figures to measure, by default all: "+strings.Join(figureNames(), ","))
	jsonFile := fs.String("json", "", "write the results there, too")
	if err := fs.Parse(args); err != nil {
		return err
	}
	names, err := chosen(*only)
	if err != nil {
		return err
	}
	report, err := measure(ctx, o, names, os.Stdout)
	if err != nil {
		return err
	}
	if *jsonFile != "" {
		return report.save(*jsonFile)
	}
	return nil
}

func chosen(only string) ([]string, error) {
	if only == "" {
		return figureNames(), nil
	}
	names := strings.Split(only, ",")
	for _, n := range names {
		if !slices.Contains(figureNames(), n) {
			return nil, fmt.Errorf("no figure %q; there are %s", n, strings.Join(figureNames(), ", "))
		}
	}
	return names, nil
}
