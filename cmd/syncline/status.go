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
	// OK is false if the last pull was red, or the journal could not tell.
	OK bool `json:"ok"`
	// LastPull does not count those that a signal stopped. LagSeconds is how
	// long ago the last green one ended, RedPulls how many were red since.
	LastPull      *pullView             `json:"last_pull,omitempty"`
	LastGreenPull *pullView             `json:"last_green_pull,omitempty"`
	LagSeconds    float64               `json:"lag_seconds,omitempty"`
	RedPulls      int                   `json:"red_pulls"`
	Deliveries    deliveriesView        `json:"deliveries"`
	Journal       *journalView          `json:"journal,omitempty"`
	Pulls         []receiptView         `json:"pulls"`
	DeadLetters   []syncline.DeadLetter `json:"dead_letters"`
	// Problems are what could not be asked.
	Problems []string `json:"problems,omitempty"`

	ledger *ledger
}

// deliveriesView are the runs that only brought webhooks in.
type deliveriesView struct {
	Count int       `json:"count"` // since the oldest of the pulls
	Last  *pullView `json:"last,omitempty"`
}

type journalView struct {
	Entries       int     `json:"entries"`
	Bytes         int64   `json:"bytes"` // on disk
	Events        int     `json:"events"`
	Pending       int     `json:"pending"`
	OldestSeconds float64 `json:"oldest_age_seconds"`
}

const statusLong = `Show the last pulls, what is pending and what was set aside. A pipeline is judged
by its pulls: deliveries of webhooks are counted and hide nothing. The exit code
is 1 if the last pull of a pipeline was red (one that a signal stopped does not
count), and that of the failure if a journal cannot be read.`

func (a *app) statusCommand() *cobra.Command {
	var file fileFlags
	var runs int
	var dead bool
	c := &cobra.Command{
		Use: "status", Short: "show the last pulls, what is pending and what was set aside", Long: statusLong, Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if runs < 1 {
				return usagef("--runs %d is less than 1", runs)
			}
			pipelines, err := a.load(&file, anySecrets)
			if err != nil {
				return err
			}
			var failed error
			for i, p := range pipelines {
				s, err := a.status(c.Context(), p, runs)
				if err != nil && failed == nil {
					failed = shownError{err}
				}
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
			return failed
		},
	}
	file.add(c)
	c.Flags().IntVarP(&runs, "runs", "n", 5, "how many pulls to show")
	c.Flags().BoolVar(&dead, "dead-letters", false, "show the records that were set aside, with their reasons")
	return c
}

// errLastPullRed is what status ends with; the pull's own error is shown.
var errLastPullRed = errors.New("the last pull was red")

// status asks journal and destination what they know. Its error is why the
// pipeline is not well: a red last pull, or a journal that does not tell.
func (a *app) status(ctx context.Context, p *catalog.Pipeline, runs int) (status, error) {
	s := status{Pipeline: p.Name, Pulls: []receiptView{}, DeadLetters: []syncline.DeadLetter{}, ledger: &ledger{}}
	trouble := func(what string, err error) error {
		if err != nil {
			s.Problems = append(s.Problems, what+": "+a.line(err.Error()))
		}
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	err := trouble("journal", a.statusOfJournal(ctx, p, runs, &s))
	_ = trouble("destination", a.statusOfDestination(ctx, p, &s))
	l := s.ledger
	for _, r := range l.Pulls {
		s.Pulls = append(s.Pulls, viewReceipt(r))
	}
	s.LastPull, s.LastGreenPull, s.RedPulls = a.pullView(l.Last), a.pullView(l.LastGreen), l.Red
	s.Deliveries = deliveriesView{l.Deliveries, a.pullView(l.LastDelivery)}
	if l.LastGreen != nil {
		s.LagSeconds = a.now().Sub(l.LastGreen.Ended).Seconds()
	}
	if err == nil && l.Last != nil && !l.Last.Green() {
		err = errLastPullRed
	}
	s.OK = err == nil
	return s, err
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
	l, err := readLedger(ctx, j, p.Name, runs)
	if err != nil {
		return err
	}
	s.ledger = l
	stats, err := j.Stats(ctx)
	s.Journal = &journalView{stats.Entries, stats.Bytes, stats.Events, stats.Pending, stats.OldestAge.Seconds()}
	return err
}

func (a *app) statusOfDestination(ctx context.Context, p *catalog.Pipeline, s *status) (err error) {
	d, err := a.catalog.OpenDestination(ctx, p, true, a.logger())
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
	a.showPulls(s)
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

// showPulls shows how the pipeline does: first the verdict, then the pulls.
func (a *app) showPulls(s status) {
	if len(s.ledger.Pulls) == 0 && s.Deliveries.Count == 0 {
		if len(s.Problems) == 0 {
			a.printf("  has not run yet\n")
		}
		return
	}
	if s.RedPulls > 0 && !s.LastPull.Green {
		a.printf("  %s\n", a.paint(red, fmt.Sprintf("RED: the last %s failed", count(s.RedPulls, "pull"))))
	}
	if g := s.LastGreenPull; g != nil {
		a.printf("  last green pull ended %s ago\n", ago(a.now().Sub(g.Ended)))
	} else {
		a.printf("  no pull has been green yet\n")
	}
	for _, r := range s.ledger.Pulls {
		a.printf("  %s\n", a.receiptLine(r))
		if !r.Green() && !interrupted(r) {
			a.printf("      %s\n", a.line(r.Err().Error()))
		}
	}
	if d := s.Deliveries; d.Last != nil {
		a.printf("  webhooks: brought in %s, the last time %s ago\n", times(d.Count), ago(a.now().Sub(d.Last.Ended)))
		if !d.Last.Green && !interrupted(s.ledger.LastDelivery) {
			a.printf("      %s\n", a.paint(red, d.Last.Error))
		}
	}
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return grouped(n) + " times"
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
