package config

import (
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/synclinehq/syncline/catalog"
)

// Keys that stand beside the declared options.
var (
	rootKeys     = []string{"pipelines"}
	singleKeys   = []string{"name"} // of a file with a single pipeline
	pipelineKeys = []string{"source", "destination", "journal", "streams", "webhooks"}
)

// pipelineName keeps names usable as file names and in every database.
var pipelineName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)

// checker turns nodes into pipelines.
type checker struct {
	resolver
	catalog *catalog.Catalog
}

// root reads either form of the file: pipelines by name, or one pipeline's
// keys at the top.
func (c *checker) root(n *node) []catalog.Pipeline {
	if !c.want(n, mapping, "the configuration") {
		return nil
	}
	many := n.get("pipelines")
	if many == nil {
		p := c.pipeline(n, c.singleName(n), append(slices.Clone(singleKeys), rootKeys...))
		return []catalog.Pipeline{p}
	}
	c.keys(n, "the configuration", rootKeys)
	if !c.want(many, mapping, "pipelines") {
		return nil
	}
	var out []catalog.Pipeline
	for _, p := range many.pairs {
		if !pipelineName.MatchString(p.key) {
			c.add(p.at, "pipeline name %q may have a to z, 0 to 9, _ and -, at most 63", shorten(p.key))
		}
		if c.want(p.value, mapping, "pipeline "+p.key) {
			out = append(out, c.pipeline(p.value, p.key, nil))
		}
	}
	if len(many.pairs) == 0 {
		c.add(many.place, "pipelines is empty")
	}
	c.apart(many, out)
	return out
}

// singleName is the name of a file's only pipeline: its connector's, unless
// given. State in the destination goes by it.
func (c *checker) singleName(n *node) string {
	if name := n.get("name"); name != nil && c.want(name, scalar, "name") {
		if !pipelineName.MatchString(name.text) {
			c.add(name.place, "pipeline name %q may have a to z, 0 to 9, _ and -, at most 63", shorten(name.text))
		}
		return name.text
	}
	if s := n.get("source"); s != nil {
		if t := s.get("connector"); t != nil && pipelineName.MatchString(t.text) {
			return t.text
		}
	}
	return "default"
}

// apart refuses two pipelines that share what each needs for itself.
func (c *checker) apart(many *node, pipelines []catalog.Pipeline) {
	journals := map[string]string{}
	for i := range pipelines {
		p := &pipelines[i]
		path := p.Journal.Values.Text("path")
		if other, taken := journals[path]; taken && path != "" {
			c.add(many.pairs[min(i, len(many.pairs)-1)].at, "pipelines %s and %s have the same journal; give each its own path", other, p.Name)
		}
		journals[path] = p.Name
	}
}

func (c *checker) pipeline(n *node, name string, extra []string) catalog.Pipeline {
	p := catalog.Pipeline{Name: name}
	what := "a pipeline"
	known := slices.Concat(pipelineKeys, extra, catalog.PipelineOptions.Names())
	c.keys(n, what, known)
	p.Settings = c.complete(n, what, catalog.PipelineOptions, c.values(n, catalog.PipelineOptions))
	con := c.source(n, &p)
	c.destination(n, &p)
	c.journal(n, &p)
	c.streams(n.get("streams"), con, &p)
	c.webhooks(n, con, &p)
	return p
}

func (c *checker) webhooks(n *node, con *catalog.Connector, p *catalog.Pipeline) {
	i := slices.IndexFunc(n.pairs, func(p pair) bool { return p.key == "webhooks" })
	if i < 0 || !c.want(n.pairs[i].value, mapping, "webhooks") {
		return
	}
	w := n.pairs[i].value
	c.keys(w, "webhooks", catalog.WebhookOptions.Names())
	p.Webhooks = c.complete(w, "webhooks", catalog.WebhookOptions, c.values(w, catalog.WebhookOptions))
	switch every := n.get("every"); {
	case con != nil && !con.Webhooks:
		c.add(w.place, "connector %s receives no webhooks", con.Name)
	case every == nil || every.kind == null:
		c.add(n.pairs[i].at, "webhooks need every: a pipeline that runs once does not listen; add for example every: 5m beside webhooks, or remove webhooks")
	}
}

func (c *checker) source(n *node, p *catalog.Pipeline) *catalog.Connector {
	s, name := c.part(n, "source", "connector")
	if s == nil || name == nil {
		return nil
	}
	con, err := c.catalog.Connector(name.text)
	if err != nil {
		c.add(name.place, "%v", err)
		return nil
	}
	p.Source = catalog.Part{Name: con.Name, Values: c.options(s, "source", "connector", con.Options)}
	return con
}

func (c *checker) destination(n *node, p *catalog.Pipeline) {
	s, name := c.part(n, "destination", "type")
	if s == nil || name == nil {
		return
	}
	d, err := c.catalog.Destination(name.text)
	if err != nil {
		c.add(name.place, "%v", err)
		return
	}
	p.Destination = catalog.Part{Name: d.Name, Values: c.options(s, "destination", "type", d.Options)}
}

// journal reads the journal, which may be left out altogether.
func (c *checker) journal(n *node, p *catalog.Pipeline) {
	s := n.get("journal")
	if s == nil {
		s = &node{place: n.place, kind: mapping}
	}
	if !c.want(s, mapping, "journal") {
		return
	}
	name := "sqlite"
	where := s.place
	if t := s.get("type"); t != nil {
		name, where = t.text, t.place
	}
	j, err := c.catalog.Journal(name)
	if err != nil {
		c.add(where, "%v", err)
		return
	}
	values := c.options(s, "journal", "type", j.Options)
	if values != nil && j.Options.Find("path") != nil && !values.Has("path") {
		values["path"] = filepath.Join(c.dir, StateDir, p.Name+".journal.db")
	}
	p.Journal = catalog.Part{Name: j.Name, Values: values}
}

// part returns the mapping of a required part and the node that names its kind.
func (c *checker) part(n *node, key, kindKey string) (part, name *node) {
	part = n.get(key)
	if part == nil {
		c.add(n.place, "%s is missing", key)
		return nil, nil
	}
	if !c.want(part, mapping, key) {
		return nil, nil
	}
	name = part.get(kindKey)
	if name == nil {
		c.add(part.place, "%s has no %s", key, kindKey)
		return part, nil
	}
	if !c.want(name, scalar, kindKey) {
		return part, nil
	}
	return part, name
}

func (c *checker) options(n *node, what, kindKey string, o catalog.Options) catalog.Values {
	c.keys(n, what, append([]string{kindKey}, o.Names()...))
	return c.complete(n, what, o, c.values(n, o))
}

// streams reads a list of names, or of mappings with a name and options.
func (c *checker) streams(n *node, con *catalog.Connector, p *catalog.Pipeline) {
	if n == nil || con == nil {
		return
	}
	if n.kind == scalar && n.text == catalog.AllStreams {
		p.Streams = c.allStreams(n, con)
		return
	}
	if !c.want(n, sequence, "streams") {
		return
	}
	if len(n.items) == 0 {
		c.add(n.place, "streams is empty; leave it out for the connector's default streams, or write all")
	}
	seen := map[string]bool{}
	for _, item := range n.items {
		s, ok := c.stream(item, con)
		if !ok {
			continue
		}
		if seen[s.Name] {
			c.add(item.place, "stream %s is listed twice", s.Name)
		}
		seen[s.Name] = true
		p.Streams = append(p.Streams, s)
	}
}

func (c *checker) allStreams(n *node, con *catalog.Connector) (out []catalog.StreamChoice) {
	names, err := con.StreamNames()
	if err != nil {
		c.add(n.place, "%v", err)
	}
	for _, name := range names {
		out = append(out, catalog.StreamChoice{Name: name})
	}
	return out
}

func (c *checker) stream(item *node, con *catalog.Connector) (s catalog.StreamChoice, ok bool) {
	name := item
	if item.kind == mapping {
		if name = item.get("name"); name == nil {
			c.add(item.place, "a stream needs a name")
			return s, false
		}
		c.keys(item, "a stream", append([]string{"name"}, con.StreamOptions.Names()...))
		s.Values = c.values(item, con.StreamOptions)
	}
	if !c.want(name, scalar, "a stream's name") {
		return s, false
	}
	s.Name = name.text
	if err := con.CheckStreams([]string{s.Name}); err != nil {
		c.add(name.place, "%v", err)
		return s, false
	}
	c.streamOptions(item, con, s)
	return s, true
}

// streamOptions reports options that the stream has no use for.
func (c *checker) streamOptions(item *node, con *catalog.Connector, s catalog.StreamChoice) {
	for _, p := range item.pairs {
		if err := con.CheckOption(s.Name, p.key, s.Values[p.key]); err != nil {
			c.add(p.at, "%v", err)
		}
	}
}

// keys reports keys that nothing reads.
func (c *checker) keys(n *node, what string, known []string) {
	for _, p := range n.pairs {
		if !slices.Contains(known, p.key) {
			c.add(p.at, "unknown key %q in %s%s", shorten(p.key), what, catalog.DidYouMean(p.key, known))
		}
	}
}

// values parses the declared options that the mapping sets.
func (c *checker) values(n *node, o catalog.Options) catalog.Values {
	out := catalog.Values{}
	for i := range o {
		if v := n.get(o[i].Name); v != nil && v.kind != null {
			c.value(v, &o[i], out)
		}
	}
	return out
}

func (c *checker) value(v *node, o *catalog.Option, out catalog.Values) {
	if !c.want(v, scalar, o.Name) {
		return
	}
	text, referred, complete := c.expand(v.place, v.text)
	if !complete {
		out[o.Name] = nil // set, so that it is not missing twice
		return
	}
	if o.Secret && !referred && (o.Type != catalog.URI || hasPassword(text)) {
		c.warn(v.place, codeSecretLiteral, fmt.Sprintf("%s is written out in the file", o.Name),
			"Write ${env:"+envName(o)+"} or ${file:PATH} in its place")
	}
	value, err := o.Parse(text)
	if err != nil && referred {
		hidden := *o // what came by reference may be a secret in the wrong place
		hidden.Secret = true
		_, err = hidden.Parse(text)
	}
	if err != nil {
		c.add(v.place, "%v", err)
		return
	}
	if s, ok := value.(string); ok && o.Type == catalog.Path && !filepath.IsAbs(s) && !strings.HasPrefix(s, ":") {
		value = filepath.Join(c.dir, s)
	}
	out[o.Name] = value
}

func envName(o *catalog.Option) string {
	if o.Env != "" {
		return o.Env
	}
	return strings.ToUpper(o.Name)
}

// hasPassword reports whether a URI carries a password, or something that
// cannot be read and so may.
func hasPassword(uri string) bool {
	u, err := url.Parse(uri)
	if err != nil {
		return true
	}
	_, set := u.User.Password()
	return set || u.Query().Has("password") || u.Scheme == "" && strings.Contains(uri, "password")
}

// complete fills in defaults and reports required options without a value.
func (c *checker) complete(n *node, what string, o catalog.Options, v catalog.Values) catalog.Values {
	out, err := v.Complete(o)
	if err != nil && len(c.problems) == 0 {
		c.add(n.place, "%s: %v", what, err)
	}
	return out
}
