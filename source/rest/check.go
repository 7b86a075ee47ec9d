package rest

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

var identifier = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// check reports what the types alone cannot: names that refer to nothing,
// settings that contradict each other.
func (d *loader) check(c *Connector) {
	if c.Format != 1 {
		d.failAt("version", fmt.Sprintf("version %d of the connector language is not known", c.Format), "Use version 1, or a newer Syncline")
	}
	if !identifier.MatchString(c.Name) {
		d.failAt("connector", fmt.Sprintf("%q is not a name", c.Name), "Use lower case letters, digits and underscores")
	}
	d.checkSecret("auth.secret", c, c.Auth.Secret, c.Auth.Kind != "none")
	if c.Auth.Kind == "api_key" && c.Auth.Header == "" {
		d.failAt("auth", "kind api_key needs a header", "")
	}
	if c.Webhooks != nil {
		d.checkSecret("webhooks.secret", c, c.Webhooks.Secret, true)
	}
	if c.Limits.Reserve < 0 || c.Limits.Reserve > 0.9 {
		d.failAt("limits.reserve", "reserve is not between 0 and 0.9", "")
	}
	for i, w := range c.Limits.Windows {
		if w.Per <= 0 || w.Requests <= 0 {
			d.failAt(fmt.Sprintf("limits.windows.%d", i), "a window needs a length and a number of requests above 0", "")
		}
	}
	for _, p := range c.Paging {
		d.checkPaging(&p)
	}
	for _, s := range c.Streams {
		d.checkStream(c, s)
	}
}

func (d *loader) checkSecret(path string, c *Connector, name string, needed bool) {
	if name == "" && !needed {
		return
	}
	if !slices.ContainsFunc(c.Secrets, func(s Secret) bool { return s.Name == name }) {
		d.failAt(path, fmt.Sprintf("secret %q is not declared", name), "Declare it under secrets")
	}
}

func (d *loader) checkPaging(p *Paging) {
	path := join("paging", p.Name)
	switch p.Kind {
	case "page":
		if p.Number == "" || p.Size == "" || p.MaxSize < 2 {
			d.failAt(path, "paging by page needs number, size and a max_size of at least 2", "")
		}
	case "cursor":
		if p.Token == "" || p.Next == "" {
			d.failAt(path, "paging by cursor needs token and next", "")
		}
	}
}

func (d *loader) checkStream(c *Connector, s *Stream) {
	path := join("streams", s.Name)
	if !identifier.MatchString(s.Name) {
		d.failAt(path, fmt.Sprintf("%q is not a name", s.Name), "Use lower case letters, digits and underscores")
	}
	if len(s.Key) == 0 {
		d.failAt(join(path, "key"), "a stream needs a key", "")
	}
	if paging := s.Paging; s.Path != "" {
		if paging == "" {
			paging = c.Defaults.Paging
		}
		if c.paging(paging) == nil {
			d.failAt(join(path, "paging"), fmt.Sprintf("paging %q is not declared", paging), "Declare it under paging")
		}
	}
	if s.Path == "" && len(s.Events) == 0 {
		d.failAt(path, "the stream has neither a path nor events", "")
	}
	if s.Parent != "" && c.Stream(s.Parent) == nil {
		d.failAt(join(path, "parent"), fmt.Sprintf("stream %q is not declared", s.Parent), "")
	}
	if s.Parent != "" && s.Slice != nil {
		d.failAt(join(path, "slice"), "a stream with a parent cannot be sliced", "Leave slice out")
	}
	d.checkFields(s, path)
	d.checkTemplates(s, path)
	if f := s.Freshness; f != nil && s.Slice == nil {
		if f.Window != nil && f.Window.Every > 0 {
			d.failAt(join(path, "freshness.window"), "a window needs a filter by time of creation", "Declare slice, or leave window out")
		}
	}
}

func (d *loader) checkFields(s *Stream, path string) {
	has := func(name string) bool {
		return slices.ContainsFunc(s.Fields, func(f Field) bool { return f.Name == name })
	}
	added := func(name string) bool {
		return slices.ContainsFunc(s.Add, func(m Member) bool { return m.Name == name })
	}
	for _, k := range s.Key {
		if !has(k) {
			d.failAt(join(path, "key"), fmt.Sprintf("key member %q is not among the fields", k), "")
		}
		if s.Detail != nil && slices.Contains(s.Detail.Drop, k) {
			d.failAt(join(path, "detail.drop"), fmt.Sprintf("key member %q cannot be dropped", k), "")
		}
	}
	for _, m := range s.Add {
		if !has(m.Name) {
			d.failAt(join(path, "add."+m.Name), fmt.Sprintf("added member %q is not among the fields", m.Name), "")
		}
	}
	for _, name := range []string{s.Version, sliceField(s)} {
		if name != "" && (!has(name) || added(name)) {
			d.failAt(path, fmt.Sprintf("member %q is not among the fields", name), "")
		}
	}
	if s.Detail == nil {
		return
	}
	for _, name := range s.Detail.Drop {
		if !has(name) {
			d.failAt(join(path, "detail.drop"), fmt.Sprintf("member %q is not among the fields", name), "")
		}
	}
	for _, f := range s.Detail.Add {
		if has(f.Name) {
			d.failAt(join(path, "detail.add."+f.Name), fmt.Sprintf("field %q is in the list row already", f.Name), "")
		}
	}
}

func sliceField(s *Stream) string {
	if s.Slice == nil {
		return ""
	}
	return s.Slice.Field
}

// checkTemplates checks every ${...} of a stream.
func (d *loader) checkTemplates(s *Stream, path string) {
	d.checkTemplate(join(path, "path"), s.Path, func(scope, name string) bool { return scope == "parent" && s.Parent != "" })
	d.checkTemplate(join(path, "get"), s.Get, func(scope, name string) bool {
		return scope == "key" && slices.Contains(s.Key, name)
	})
	for _, m := range s.Add {
		scope, name, _ := strings.Cut(m.From, ".")
		if name == "" || !(scope == "parent" && s.Parent != "" || m.From == "webhook.id" && s.Path == "") {
			d.failAt(join(path, "add."+m.Name), fmt.Sprintf("%q refers to nothing", m.From), "Use parent.member, or webhook.id in a stream without path")
		}
	}
}

func (d *loader) checkTemplate(path, text string, known func(scope, name string) bool) {
	for rest := text; ; {
		i := strings.Index(rest, "${")
		if i < 0 {
			return
		}
		ref, after, ok := strings.Cut(rest[i+2:], "}")
		scope, name, _ := strings.Cut(ref, ".")
		if !ok || name == "" || !known(scope, name) {
			d.failAt(path, fmt.Sprintf("${%s} refers to nothing", ref), "Use ${parent.member} in path with a parent, ${key.member} in get")
			return
		}
		rest = after
	}
}

// applyDefaults fills in what a checked connector leaves open.
func (c *Connector) applyDefaults() {
	orDuration(&c.HTTP.Timeout, 60*time.Second)
	orInt(&c.Limits.Concurrency, 4)
	orInt(&c.Retry.Attempts, 8)
	orDuration(&c.Retry.Elapsed, 15*time.Minute)
	orDuration(&c.Retry.Base, 500*time.Millisecond)
	orDuration(&c.Retry.Cap, time.Minute)
	if c.HTTP.MaxBody == 0 {
		c.HTTP.MaxBody = 32 << 20
	}
	for _, s := range c.Streams {
		s.applyDefaults(&c.Defaults)
	}
}

func (s *Stream) applyDefaults(d *Defaults) {
	if s.Paging == "" {
		s.Paging = d.Paging
	}
	if s.Records == nil {
		s.Records = &d.Records
	}
	if s.Delete == nil {
		s.Delete = &d.Delete
	}
	if s.Slice != nil {
		orDuration(&s.Slice.Unit, time.Second)
	}
	f := Freshness{}
	if s.Freshness != nil {
		f = *s.Freshness
	}
	if f.New == nil {
		f.New = d.Freshness.New
	}
	if f.Window == nil && s.Slice != nil {
		f.Window = d.Freshness.Window
	}
	if f.Open == nil {
		f.Open = d.Freshness.Open
	}
	if f.Sweep == nil {
		f.Sweep = d.Freshness.Sweep
	}
	s.Freshness = &f
}

func orDuration(d *Duration, v time.Duration) {
	if *d == 0 {
		*d = Duration(v)
	}
}

func orInt(i *int, v int) {
	if *i == 0 {
		*i = v
	}
}
