package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/catalog"
)

// status is what is known about a pipeline.
type status struct {
	Pipeline string `json:"pipeline"`
	// LastRun ended at Ended, LagS seconds ago; LastGreen is the latest run
	// that was green, if any of the listed ones was.
	LagS        float64                `json:"lag_s,omitempty"`
	LastGreen   *time.Time             `json:"last_green,omitempty"`
	Journal     *syncline.JournalStats `json:"journal,omitempty"`
	Runs        []*syncline.Receipt    `json:"runs"`
	DeadLetters []syncline.DeadLetter  `json:"dead_letters"`
	// Problems are what could not be asked.
	Problems []string `json:"problems,omitempty"`
}

func (a *app) statusCommand() *cobra.Command {
	var file fileFlags
	var runs int
	var dead bool
	c := &cobra.Command{
		Use: "status", Short: "show the last runs, what is pending and what was set aside", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			pipelines, err := a.load(&file, anySecrets)
			if err != nil {
				return err
			}
			for i, p := range pipelines {
				s := a.status(c.Context(), p, runs)
				if a.json {
					if err := json.NewEncoder(a.out).Encode(s); err != nil {
						return err
					}
					continue
				}
				if i > 0 {
					a.printf("\n")
				}
				a.showStatus(s, p, dead)
			}
			return nil
		},
	}
	file.add(c)
	c.Flags().IntVarP(&runs, "runs", "n", 5, "how many runs to show")
	c.Flags().BoolVar(&dead, "dead-letters", false, "show the records that were set aside, with their reasons")
	return c
}

// status asks journal and destination what they know; what does not answer is
// a problem of the status, not of the command.
func (a *app) status(ctx context.Context, p *catalog.Pipeline, runs int) status {
	s := status{Pipeline: p.Name, Runs: []*syncline.Receipt{}, DeadLetters: []syncline.DeadLetter{}}
	trouble := func(what string, err error) {
		if err != nil {
			s.Problems = append(s.Problems, what+": "+a.line(err.Error()))
		}
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	trouble("journal", a.statusOfJournal(ctx, p, runs, &s))
	trouble("destination", a.statusOfDestination(ctx, p, &s))
	for _, r := range s.Runs {
		if r.Green() {
			s.LastGreen = &r.Ended
			s.LagS = a.now().Sub(r.Ended).Seconds()
			break
		}
	}
	return s
}

func (a *app) statusOfJournal(ctx context.Context, p *catalog.Pipeline, runs int, s *status) (err error) {
	path := p.Journal.Values.Text("path")
	if path != "" && !fileExists(path) {
		return nil // it has not run yet; looking must not make a journal
	}
	j, err := a.catalog.OpenJournal(ctx, p, true, a.logger())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, j.Close()) }()
	if s.Runs, err = j.Runs(ctx, p.Name, runs); err != nil {
		return err
	}
	stats, err := j.Stats(ctx)
	s.Journal = &stats
	return err
}

func (a *app) statusOfDestination(ctx context.Context, p *catalog.Pipeline, s *status) (err error) {
	if path := p.Destination.Values.Text("path"); path != "" && !fileExists(path) {
		return nil
	}
	d, err := a.catalog.OpenDestination(ctx, p, a.logger())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	dead, err := d.DeadLetters(ctx, p.Name, 100)
	if len(dead) > 0 {
		s.DeadLetters = dead
	}
	return err
}

func (a *app) showStatus(s status, p *catalog.Pipeline, dead bool) {
	a.printf("%s  %s\n", s.Pipeline, describe(p))
	switch {
	case len(s.Runs) == 0 && len(s.Problems) == 0:
		a.printf("  has not run yet\n")
	case s.LastGreen != nil:
		a.printf("  last green run ended %s ago\n", ago(time.Duration(s.LagS*float64(time.Second))))
	case len(s.Runs) > 0:
		a.printf("  %s\n", "none of the runs shown was green")
	}
	for _, r := range s.Runs {
		a.printf("  %s\n", a.receiptLine(r))
		if !r.Green() {
			a.printf("      %s\n", a.line(r.Err().Error()))
		}
	}
	if j := s.Journal; j != nil {
		a.printf("  journal: %s, %s pending, %s events, %s\n", count(j.Entries, "entry"), grouped(j.Pending), grouped(j.Events), size(j.Bytes))
	}
	a.printf("  dead letters: %d%s\n", len(s.DeadLetters), map[bool]string{true: " or more"}[len(s.DeadLetters) == 100])
	if dead {
		for _, d := range s.DeadLetters {
			a.printf("    %s  %s %s  %s\n", d.At.Local().Format("2006-01-02 15:04:05"), d.Stream, a.line(d.Key), a.line(d.Reason))
		}
	}
	for _, problem := range s.Problems {
		a.warnf("%s", problem)
	}
}

// ago writes a duration in its two largest units.
func ago(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%ds", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%dm %ds", int(d.Minutes()), int(d.Seconds())%60)
	case d < 24*time.Hour:
		return fmt.Sprintf("%dh %dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd %dh", int(d.Hours())/24, int(d.Hours())%24)
}

// size writes a number of bytes.
func size(n int64) string {
	switch {
	case n < 1<<20:
		return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
	case n < 1<<30:
		return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
	}
	return fmt.Sprintf("%.1f GiB", float64(n)/(1<<30))
}
