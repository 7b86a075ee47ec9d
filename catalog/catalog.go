package catalog

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	syncline "github.com/synclinehq/syncline"
)

// Catalog is everything that can be connected. Order is the order shown.
type Catalog struct {
	Connectors   []Connector
	Destinations []Destination
	Journals     []Journal
}

// Connector describes a kind of source.
type Connector struct {
	Name, Title, Help string
	Options           Options
	// StreamOptions can be set per stream.
	StreamOptions Options
	// Webhooks is true if the source can receive webhooks, see [WebhookOptions].
	Webhooks bool
	// Streams lists what can be pulled, without any request.
	Streams func() ([]StreamInfo, error)
	// Open makes the source. It sends nothing.
	Open func(ctx context.Context, a Account) (syncline.Source, error)
	// Check sends the smallest request that proves the credentials work. It
	// may be nil.
	Check func(ctx context.Context, a Account) error
}

// Account is what a connector is opened with.
type Account struct {
	Values  Values
	Streams map[string]Values // per stream, for the streams that set any
	// Webhooks are values of [WebhookOptions], nil when none are received.
	Webhooks Values
	Logger   *slog.Logger
	Now      func() time.Time
}

// StreamInfo describes a stream to people.
type StreamInfo struct {
	Name string `json:"name"`
	// Default streams are pulled when the configuration names none.
	Default bool `json:"default"`
	// Path is where it is read, Key what identifies a record.
	Path string   `json:"path"`
	Key  []string `json:"key"`
	// Means is how changes are found; Staleness how old a row may be.
	Means     string `json:"means"`
	Staleness string `json:"staleness"`
	Columns   int    `json:"columns"`
	Webhooks  int    `json:"webhooks"` // number of event types that bring changes
	// Lacks are the stream options that would do nothing for this stream, by
	// name, each with the reason and what to do in place of it.
	Lacks map[string]string `json:"-"`
}

// Destination describes a kind of database.
type Destination struct {
	Name, Title, Help string
	Options           Options
	// Schemes are the URI schemes that mean this destination, without ":".
	Schemes []string
	// Soon is true for names that are known and not built yet.
	Soon bool
	// FromURI makes values of the one text that --to takes.
	FromURI func(uri string) Values
	// Open connects; a read-only one makes nothing and is for looking.
	Open func(ctx context.Context, v Values, readOnly bool, log *slog.Logger) (syncline.Destination, error)
}

// Journal describes a kind of durable log.
type Journal struct {
	Name, Title, Help string
	Options           Options
	// Open opens it; a read-only one can be opened while another process writes.
	Open func(ctx context.Context, v Values, readOnly bool, log *slog.Logger) (syncline.Journal, error)
}

// Connector returns the connector of that name.
func (c *Catalog) Connector(name string) (*Connector, error) {
	names := make([]string, len(c.Connectors))
	for i := range c.Connectors {
		if c.Connectors[i].Name == name {
			return &c.Connectors[i], nil
		}
		names[i] = c.Connectors[i].Name
	}
	return nil, unknown("connector", name, names)
}

// Destination returns the destination of that name. Of one that is not built
// yet it returns an [*SoonError].
func (c *Catalog) Destination(name string) (*Destination, error) {
	var names []string
	for i := range c.Destinations {
		d := &c.Destinations[i]
		if d.Name == name {
			if d.Soon {
				return nil, &SoonError{d.Title, c.built()}
			}
			return d, nil
		}
		names = append(names, d.Name)
	}
	return nil, unknown("destination", name, names)
}

// DestinationFor finds the destination that a URI means, as --to takes it, and
// its values: by scheme, or SQLite for a file name.
func (c *Catalog) DestinationFor(uri string) (*Destination, Values, error) {
	scheme, _, found := strings.Cut(uri, ":")
	if !found {
		scheme = "file"
	}
	var schemes []string
	for i := range c.Destinations {
		d := &c.Destinations[i]
		for _, s := range d.Schemes {
			if s != strings.ToLower(scheme) {
				schemes = append(schemes, s)
				continue
			}
			if d.Soon {
				return nil, nil, &SoonError{d.Title, c.built()}
			}
			return d, d.FromURI(uri), nil
		}
	}
	if strings.ContainsAny(scheme, "@/ ") { // may be part of a password
		return nil, nil, fmt.Errorf("destination has no scheme: want one of %s followed by \":\"", strings.Join(schemes, ", "))
	}
	return nil, nil, unknown("destination scheme", scheme, schemes)
}

// Journal returns the journal of that name.
func (c *Catalog) Journal(name string) (*Journal, error) {
	names := make([]string, len(c.Journals))
	for i := range c.Journals {
		if c.Journals[i].Name == name {
			return &c.Journals[i], nil
		}
		names[i] = c.Journals[i].Name
	}
	return nil, unknown("journal", name, names)
}

func (c *Catalog) built() (names []string) {
	for i := range c.Destinations {
		if !c.Destinations[i].Soon {
			names = append(names, c.Destinations[i].Name)
		}
	}
	return names
}

func unknown(kind, name string, names []string) error {
	return fmt.Errorf("unknown %s %q%s: one of %s", kind, name, DidYouMean(name, names), strings.Join(names, ", "))
}

// SoonError says that something is known and not built yet.
type SoonError struct {
	Title string
	Built []string
}

func (e *SoonError) Error() string {
	return fmt.Sprintf("%s is not built yet; this version writes to %s", e.Title, strings.Join(e.Built, " and "))
}
