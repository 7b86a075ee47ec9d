package catalog

import (
	"fmt"
	"slices"
	"strings"
	"time"

	syncline "github.com/synclinehq/syncline"
)

// Pipeline is one source, destination and journal by name, with their values:
// what a section of syncline.yaml, the flags of `syncline sync` or the answers
// of the guided set-up come to.
type Pipeline struct {
	Name                         string
	Source, Destination, Journal Part
	// Streams is what to pull; empty means the connector's defaults.
	Streams []StreamChoice
	// Settings are values of [PipelineOptions].
	Settings Values
	// Webhooks are values of [WebhookOptions], nil if none are received.
	Webhooks Values
}

// Part is a connector, destination or journal by name, with its values.
type Part struct {
	Name   string
	Values Values
}

// StreamChoice is one stream with the values of its own.
type StreamChoice struct {
	Name   string
	Values Values
}

// PipelineOptions are the settings of a pipeline as a whole.
var PipelineOptions = Options{
	{Name: "every", Type: Duration, Title: "How often?", Example: "5m", Min: 1, Max: 31 * 86400,
		Help:        "time from the start of one run to the start of the next; runs never overlap",
		DefaultNote: "one run, then exit"},
	{Name: "layout", Type: Text, Default: string(syncline.LayoutColumns),
		Help: "how a record becomes columns",
		Choices: []Choice{
			{string(syncline.LayoutColumns), "a typed column for every field, nested values as JSON"},
			{string(syncline.LayoutDocument), "key and one JSON column: the tables dodo-sync makes"},
		}},
	{Name: "table_prefix", Type: Text, Example: "dodo_", Help: "text put before every table name"},
	{Name: "batch_rows", Type: Integer, Default: 5000, Min: 1, Max: 100000,
		Help: "most rows written in one transaction"},
	{Name: "reject_ratio", Type: Number, Default: 0.01, Min: 0, Max: 1,
		Help: "share of a stream's records that may be set aside as dead letters before its run fails"},
}

// WebhookOptions are the settings of receiving webhooks.
var WebhookOptions = Options{
	{Name: "listen", Type: Text, Default: "127.0.0.1:8787", Example: "127.0.0.1:8787",
		Help: "address and port to receive on; put a proxy with TLS before it"},
	{Name: "path", Type: Text, Default: "/webhooks", Example: "/webhooks",
		Help: "path of the endpoint's URL"},
	{Name: "secret", Type: Text, Secret: true, Required: true, Env: "DODO_PAYMENTS_WEBHOOK_KEY",
		Help: "signing secret of the endpoint, whsec_…"},
	{Name: "previous_secret", Type: Text, Secret: true,
		Help: "one that is accepted as well while the endpoint's secret is being replaced"},
}

// Every is the interval between runs, 0 for a single run.
func (p *Pipeline) Every() time.Duration { return p.Settings.Duration("every") }

// StreamNames returns the chosen streams, nil for the defaults.
func (p *Pipeline) StreamNames() []string {
	var out []string
	for _, s := range p.Streams {
		out = append(out, s.Name)
	}
	return out
}

// CheckStreams returns an error that names the first chosen stream the
// connector does not have.
func (c *Connector) CheckStreams(names []string) error {
	known, err := c.StreamNames()
	if err != nil {
		return err
	}
	for _, n := range names {
		if !slices.Contains(known, n) {
			return fmt.Errorf("unknown stream %q of %s%s: one of %s", n, c.Name, DidYouMean(n, known), strings.Join(known, ", "))
		}
	}
	return nil
}

// AllStreams is the word for every stream of a connector.
const AllStreams = "all"

// ChooseStreams checks names as a person gave them and returns each once;
// [AllStreams] among them stands for every stream.
func (c *Connector) ChooseStreams(names []string) ([]string, error) {
	if slices.Contains(names, AllStreams) {
		others := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return n == AllStreams })
		if err := c.CheckStreams(others); err != nil {
			return nil, err
		}
		return c.StreamNames()
	}
	if err := c.CheckStreams(names); err != nil {
		return nil, err
	}
	var out []string
	for _, n := range names {
		if !slices.Contains(out, n) {
			out = append(out, n)
		}
	}
	return out, nil
}

// CheckOption returns an error if setting the option to value would do nothing
// for the stream, with what to do in place of it. Switching off what is not
// there is fine.
func (c *Connector) CheckOption(stream, option string, value any) error {
	if off := value == false || value == time.Duration(0); off || value == nil {
		return nil
	}
	infos, err := c.Streams()
	if err != nil {
		return err
	}
	i := slices.IndexFunc(infos, func(s StreamInfo) bool { return s.Name == stream })
	if i < 0 || infos[i].Lacks[option] == "" {
		return nil
	}
	return fmt.Errorf("%s does nothing for stream %s: %s", option, stream, infos[i].Lacks[option])
}

// StreamNames returns the names of all streams of the connector.
func (c *Connector) StreamNames() ([]string, error) {
	infos, err := c.Streams()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(infos))
	for i := range infos {
		names[i] = infos[i].Name
	}
	return names, nil
}
