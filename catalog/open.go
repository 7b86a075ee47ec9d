package catalog

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	syncline "github.com/synclinehq/syncline"
)

// Run is what one use of a pipeline adds to its description.
type Run struct {
	// Streams, if any, replaces the pipeline's choice.
	Streams []string
	// Full asks for a full sweep whatever the plan says.
	Full      bool
	Logger    *slog.Logger
	Progress  func(syncline.Progress)
	OnReceipt func(*syncline.Receipt, error)
	Now       func() time.Time
}

// Open opens the journal, the source and the destination of a pipeline, in this
// order, and returns the engine that owns them: its Close closes all three.
func (c *Catalog) Open(ctx context.Context, p *Pipeline, r Run) (*syncline.Engine, error) {
	cfg := syncline.Config{
		Pipeline:     p.Name,
		Streams:      p.StreamNames(),
		Full:         r.Full,
		Interval:     p.Every(),
		Layout:       syncline.Layout(p.Settings.Text("layout")),
		TablePrefix:  p.Settings.Text("table_prefix"),
		Tables:       p.tables(),
		MaxBatchRows: p.Settings.Int("batch_rows"),
		RejectRatio:  p.Settings.Number("reject_ratio"),
		Logger:       r.Logger,
		Progress:     r.Progress,
		OnReceipt:    r.OnReceipt,
		Now:          r.Now,
	}
	if len(r.Streams) > 0 {
		cfg.Streams = r.Streams
	}
	var err error
	if cfg.Journal, err = c.OpenJournal(ctx, p, false, r.Logger); err != nil {
		return nil, err
	}
	if cfg.Source, err = c.OpenSource(ctx, p, r); err != nil {
		return nil, errors.Join(err, cfg.Journal.Close())
	}
	if cfg.Destination, err = c.OpenDestination(ctx, p, false, r.Logger); err != nil {
		return nil, errors.Join(err, cfg.Source.Close(), cfg.Journal.Close())
	}
	engine, err := syncline.New(cfg)
	if err != nil {
		return nil, errors.Join(err, cfg.Destination.Close(), cfg.Source.Close(), cfg.Journal.Close())
	}
	return engine, nil
}

// tables returns the table names that streams set.
func (p *Pipeline) tables() map[string]string {
	out := map[string]string{}
	for _, s := range p.Streams {
		if t := s.Values.Text("table"); t != "" {
			out[s.Name] = t
		}
	}
	return out
}

// OpenSource opens the pipeline's source alone.
func (c *Catalog) OpenSource(ctx context.Context, p *Pipeline, r Run) (syncline.Source, error) {
	con, err := c.Connector(p.Source.Name)
	if err != nil {
		return nil, err
	}
	a, err := p.account(con, r)
	if err != nil {
		return nil, err
	}
	return con.Open(ctx, a)
}

// CheckSource proves that the source can be reached and takes the credentials.
func (c *Catalog) CheckSource(ctx context.Context, p *Pipeline, r Run) error {
	con, err := c.Connector(p.Source.Name)
	if err != nil || con.Check == nil {
		return err
	}
	a, err := p.account(con, r)
	if err != nil {
		return err
	}
	return con.Check(ctx, a)
}

func (p *Pipeline) account(con *Connector, r Run) (Account, error) {
	values, err := p.Source.Values.Complete(con.Options)
	if err != nil {
		return Account{}, incomplete("source "+con.Name, err)
	}
	a := Account{Values: values, Streams: map[string]Values{}, Webhooks: p.Webhooks, Logger: r.Logger, Now: r.Now}
	for _, s := range p.Streams {
		if len(s.Values) > 0 {
			a.Streams[s.Name] = s.Values
		}
	}
	return a, nil
}

// OpenDestination opens the pipeline's destination alone. Read-only, nothing is
// made in it.
func (c *Catalog) OpenDestination(ctx context.Context, p *Pipeline, readOnly bool, log *slog.Logger) (syncline.Destination, error) {
	d, err := c.Destination(p.Destination.Name)
	if err != nil {
		return nil, err
	}
	values, err := p.Destination.Values.Complete(d.Options)
	if err != nil {
		return nil, incomplete("destination "+d.Name, err)
	}
	return d.Open(ctx, values, readOnly, log)
}

// CheckDestination tells what keeps a run from writing to the pipeline's
// destination, as far as that can be seen without changing anything there, and
// returns what the destination guarantees.
func (c *Catalog) CheckDestination(ctx context.Context, p *Pipeline, log *slog.Logger) (guarantee string, err error) {
	d, err := c.OpenDestination(ctx, p, true, log)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	if checker, ok := d.(interface{ Check(context.Context) error }); ok {
		err = checker.Check(ctx)
	}
	return d.Capabilities().Guarantee, err
}

// OpenJournal opens the pipeline's journal alone. Its folder is made if there is
// none: for the owner only, because records pass through it. Read-only, it can
// be opened beside the process that writes it.
func (c *Catalog) OpenJournal(ctx context.Context, p *Pipeline, readOnly bool, log *slog.Logger) (syncline.Journal, error) {
	j, err := c.Journal(p.Journal.Name)
	if err != nil {
		return nil, err
	}
	values, err := p.Journal.Values.Complete(j.Options)
	if err != nil {
		return nil, incomplete("journal "+j.Name, err)
	}
	if path := values.Text("path"); path != "" && !readOnly {
		if err := PrivateDir(filepath.Dir(path)); err != nil {
			return nil, err
		}
	}
	return j.Open(ctx, values, readOnly, log)
}

// PrivateDir makes a folder that only its owner can read, if there is none. A
// new one is kept out of version control.
func PrivateDir(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	err := os.MkdirAll(dir, 0o700)
	if err == nil && filepath.Base(dir)[0] == '.' {
		err = os.WriteFile(filepath.Join(dir, ".gitignore"), []byte("*\n"), 0o600)
	}
	if err != nil {
		return &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, What: "folder for state cannot be made", Err: err,
			Fix: "Choose another place with the journal's path"}
	}
	return nil
}

func incomplete(what string, err error) error {
	return &syncline.Error{Code: syncline.CodeConfigInvalid, Class: syncline.Fatal, Where: what, What: fmt.Sprint(err)}
}
