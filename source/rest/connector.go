package rest

import (
	"github.com/synclinehq/syncline/batch"
)

// Connector is a connector file. Its Go types are the language: the loader, the
// checks and the JSON Schema are all derived from them.
type Connector struct {
	Name         string        `yaml:"connector,required" doc:"Name of the connector: lower case letters, digits and underscores."`
	Format       int           `yaml:"version,required" doc:"Version of the connector language, 1."`
	Title        string        `yaml:"title" doc:"Name for people."`
	Docs         string        `yaml:"docs" doc:"Address of the vendor's documentation."`
	Environments []Environment `yaml:"environments,required" doc:"Hosts by name; the first is the default."`
	Secrets      []Secret      `yaml:"secrets" doc:"Secret values the user supplies, by name."`
	Auth         Auth          `yaml:"auth" doc:"How requests are authorised."`
	HTTP         HTTP          `yaml:"http" doc:"Transport settings."`
	Check        *Check        `yaml:"check" doc:"A cheap request that proves address and credentials."`
	Limits       Limits        `yaml:"limits" doc:"Rate and concurrency, shared by all streams of one credential."`
	Errors       ErrorBody     `yaml:"errors" doc:"Where an error body keeps its code and text."`
	Rules        []Rule        `yaml:"rules" doc:"What to do about answers that are not 2xx, first match wins. Built-in rules follow."`
	Retry        Retry         `yaml:"retry" doc:"How often and how long a request is tried again."`
	Paging       []Paging      `yaml:"paging" doc:"Ways of paging, by name."`
	Webhooks     *Webhooks     `yaml:"webhooks" doc:"How webhooks are verified and read."`
	Hash         Hashing       `yaml:"hash" doc:"What counts as a change of a record."`
	Defaults     Defaults      `yaml:"defaults" doc:"Settings of streams that do not say otherwise."`
	Streams      []*Stream     `yaml:"streams,required" doc:"The kinds of objects, by name."`
}

// Environment is one host of the API.
type Environment struct {
	Name    string `yaml:",key"`
	BaseURL string `yaml:"base_url,required" doc:"Address without a slash at the end."`
	Title   string `yaml:"title" doc:"Name for people."`
}

// Secret is a value the user supplies.
type Secret struct {
	Name  string `yaml:",key"`
	Title string `yaml:"title" doc:"Name for people."`
	Env   string `yaml:"env" doc:"Environment variable it is usually kept in."`
	List  bool   `yaml:"list" doc:"Several values may be given, all are accepted (rotation)."`
}

// Auth says how requests are authorised.
type Auth struct {
	Kind   string `yaml:"kind,required" enum:"none,bearer,api_key" doc:"bearer sends Authorization: Bearer, api_key a header of its own."`
	Secret string `yaml:"secret" doc:"Name of the secret."`
	Header string `yaml:"header" doc:"Header for kind api_key."`
	Hint   string `yaml:"hint" doc:"What to check if the credentials are refused."`
}

// HTTP is transport settings.
type HTTP struct {
	Timeout Duration          `yaml:"timeout" doc:"Limit for one attempt, body included. Default 60s."`
	MaxBody Size              `yaml:"max_body" doc:"Limit for one decompressed body. Default 32MiB."`
	Headers map[string]string `yaml:"headers" doc:"Headers sent with every request."`
}

// Check is a request that proves address and credentials.
type Check struct {
	Path  string            `yaml:"path,required" doc:"Path of the request."`
	Query map[string]string `yaml:"query" doc:"Query of the request."`
}

// Limits is the politeness towards the API.
type Limits struct {
	Concurrency int         `yaml:"concurrency" doc:"Requests under way at once. Default 4."`
	Windows     []Window    `yaml:"windows" doc:"Requests allowed per time, all at once."`
	Reserve     float64     `yaml:"reserve" doc:"Share of each window left to other users of the credential, 0 to 0.9."`
	Headers     RateHeaders `yaml:"headers" doc:"Headers that report the budget; the limiter follows them."`
}

// Window is a number of requests per time.
type Window struct {
	Per      Duration `yaml:"per,required" doc:"Length of the window."`
	Requests int      `yaml:"requests,required" doc:"Requests allowed in it."`
}

// RateHeaders names the headers that report the budget.
type RateHeaders struct {
	Limit      string   `yaml:"limit" doc:"Requests per window."`
	Remaining  string   `yaml:"remaining" doc:"Requests left in it."`
	Reset      string   `yaml:"reset" doc:"When it starts anew: unix seconds or seconds from now."`
	RetryAfter []string `yaml:"retry_after" doc:"Wait after a refusal, in order of preference; a name that ends in -ms is in milliseconds."`
}

// ErrorBody says where an error body keeps its code and text.
type ErrorBody struct {
	Code    string `yaml:"code" doc:"Path of the code. A 2xx answer with this member and without records is an error, too."`
	Message string `yaml:"message" doc:"Path of the text."`
}

// Rule says what to do about an answer.
type Rule struct {
	Status []Status `yaml:"status" doc:"Statuses or ranges such as 500-599."`
	Codes  []string `yaml:"codes" doc:"Codes in the error body."`
	Param  string   `yaml:"param" doc:"Only if the request has this query parameter."`
	Do     string   `yaml:"do,required" enum:"retry,wait,gone,stuck,fail" doc:"retry: back off; wait: obey the rate limit; gone: no such object; stuck: the listing cannot go on like this (the slice is split); fail."`
	As     string   `yaml:"as" enum:"auth_failed,forbidden,source_contract,config_invalid,source_down" doc:"Code of the failure for do: fail."`
	Hint   string   `yaml:"hint" doc:"What the user can do about it."`
}

// Retry bounds repetition.
type Retry struct {
	Attempts int      `yaml:"attempts" doc:"Attempts after faults (network, 5xx, broken bodies). Default 8."`
	Elapsed  Duration `yaml:"elapsed" doc:"Time after which faults and refusals are final. Default 15m."`
	Base     Duration `yaml:"base" doc:"First wait; doubles each time, with full jitter. Default 500ms."`
	Cap      Duration `yaml:"cap" doc:"Longest wait between attempts. Default 60s."`
}

// Paging is one way of paging.
type Paging struct {
	Name    string `yaml:",key"`
	Kind    string `yaml:"kind,required" enum:"page,cursor,none" doc:"page: page number and size over an offset; cursor: an opaque token; none: everything at once."`
	Number  string `yaml:"number" doc:"Query parameter of the page number."`
	First   int    `yaml:"first" doc:"Number of the first page."`
	Size    string `yaml:"size" doc:"Query parameter of the page size."`
	MaxSize int    `yaml:"max_size" doc:"Largest page size."`
	Token   string `yaml:"token" doc:"Query parameter of the token."`
	Next    string `yaml:"next" doc:"Path of the next token in the answer."`
	Done    string `yaml:"done" doc:"Path of a flag that is true on the last page."`
}

// Hashing says what counts as a change.
type Hashing struct {
	NullEqualsAbsent bool `yaml:"null_equals_absent" doc:"A member that is null is the same as none."`
}

// Defaults are settings of streams that do not say otherwise.
type Defaults struct {
	Paging    string    `yaml:"paging" doc:"Name of a paging."`
	Records   string    `yaml:"records" doc:"Path of the array of records."`
	Delete    Delete    `yaml:"delete" doc:"What absence from a complete listing means."`
	Freshness Freshness `yaml:"freshness" doc:"How streams are kept up to date."`
}

// Stream is one kind of object.
type Stream struct {
	Name      string              `yaml:",key"`
	Title     string              `yaml:"title" doc:"Name for people."`
	Note      string              `yaml:"note" doc:"What a user should know before choosing it."`
	Default   bool                `yaml:"default" doc:"Part of the selection when the user makes none."`
	Path      string              `yaml:"path" doc:"Path of the list; ${parent.member} stands for a member of the parent's row. Empty: the stream arrives by webhook only."`
	Query     map[string]string   `yaml:"query" doc:"Query of every list request."`
	Get       string              `yaml:"get" doc:"Path of one object; ${key.member} stands for a part of the key."`
	Records   *string             `yaml:"records" doc:"Path of the array of records, empty if the answer is the array."`
	Paging    string              `yaml:"paging" doc:"Name of a paging."`
	Key       []string            `yaml:"key,required" doc:"Members that identify a record."`
	Version   string              `yaml:"version" doc:"Member with the time of the last change, present and not null in all shapes. Without it states are ordered by the time they were read."`
	Slice     *Slice              `yaml:"slice" doc:"Filter by time of creation."`
	Order     string              `yaml:"order" enum:"unknown,created" doc:"created: the vendor promises the order of creation."`
	Variants  []map[string]string `yaml:"variants" doc:"Queries that together list everything, each its own listing."`
	Parent    string              `yaml:"parent" doc:"Stream whose rows each have a list of this one."`
	Add       []Member            `yaml:"add" doc:"Members put into each record: parent.member, or webhook.id."`
	Exclude   []string            `yaml:"exclude" doc:"Paths that do not count as changes, such as signed links."`
	Delete    *Delete             `yaml:"delete" doc:"What absence from a complete listing means."`
	Freshness *Freshness          `yaml:"freshness" doc:"How the stream is kept up to date."`
	Events    []string            `yaml:"events" doc:"Webhook types that carry this stream's objects; a final * stands for anything."`
	Refetch   string              `yaml:"refetch" enum:"never,tie,always" doc:"When a webhook makes the object be read instead of being applied as it is. tie, the default: if it is doubtful whether it or the stored state is later. always: every time. never: for streams without get, which cannot be read."`
	Fields    []Field             `yaml:"fields,required" doc:"Fields of a list row (of the event if the stream arrives by webhook only)."`
	Detail    *Detail             `yaml:"detail" doc:"How the object read by id, and in webhooks, differs from the list row."`
}

// Slice is a filter by time of creation.
type Slice struct {
	Field string   `yaml:"field,required" doc:"Member with the time of creation."`
	From  string   `yaml:"from,required" doc:"Query parameter of the lower bound."`
	To    string   `yaml:"to,required" doc:"Query parameter of the upper bound."`
	Unit  Duration `yaml:"unit" doc:"Overlap of neighbouring slices, for bounds whose inclusiveness is unclear. Default 1s."`
}

// Member is a member put into each record.
type Member struct {
	Name string `yaml:",key"`
	From string `yaml:",value"`
}

// UnmarshalText reads the place the member comes from.
func (m *Member) UnmarshalText(b []byte) error {
	m.From = string(b)
	return nil
}

// Delete says what absence from a complete listing means.
type Delete struct {
	Absent   bool    `yaml:"absent" doc:"A row missing from a complete listing is gone."`
	MaxShare float64 `yaml:"max_share" doc:"Brake: share of the table a sweep may delete. Default 0.05."`
	MaxRows  int     `yaml:"max_rows" doc:"Brake: rows a sweep may delete in any case. Default 1000."`
}

// Freshness is the means that keep a stream up to date. A means that is left
// out is taken from the defaults; an interval of 0 switches one off.
type Freshness struct {
	New    *NewRows   `yaml:"new" doc:"Rows created since the last run."`
	Window *Trailing  `yaml:"window" doc:"Rows created not long ago, read again."`
	Open   *OpenRows  `yaml:"open" doc:"Rows in states that will change, read again by filter."`
	Sweep  *FullSweep `yaml:"sweep" doc:"Everything, read again and compared by content."`
}

// NewRows reads rows created since the last run.
type NewRows struct {
	Every   Duration `yaml:"every" doc:"At most so often. Default: every run."`
	Overlap Duration `yaml:"overlap" doc:"How far before the last run's start to begin. Default 1m."`
}

// Trailing reads rows of a trailing window again.
type Trailing struct {
	Every Duration `yaml:"every,required" doc:"At most so often; 0 is never."`
	Age   Duration `yaml:"age,required" doc:"Length of the window."`
}

// OpenRows reads rows in open states again.
type OpenRows struct {
	Every   Duration            `yaml:"every" doc:"At most so often; 0 is never."`
	Age     Duration            `yaml:"age" doc:"Only rows created within this time; default all."`
	Filters []map[string]string `yaml:"filters" doc:"Queries, one for each open state."`
}

// FullSweep reads everything again.
type FullSweep struct {
	Every Duration `yaml:"every,required" doc:"At most so often; 0 is never (after the first load)."`
}

// Detail is how the object read by id differs from the list row.
type Detail struct {
	Add  []Field  `yaml:"add" doc:"Fields the list row lacks."`
	Drop []string `yaml:"drop" doc:"Fields of the list row that it lacks."`
	Use  bool     `yaml:"use" doc:"Read new and changed rows by id unless the user says otherwise."`
}

// Webhooks says how webhooks are verified and read.
type Webhooks struct {
	Verify string   `yaml:"verify,required" enum:"standard" doc:"standard: Standard Webhooks."`
	Secret string   `yaml:"secret,required" doc:"Name of the secret."`
	Type   string   `yaml:"type,required" doc:"Path of the event's type."`
	Time   string   `yaml:"time" doc:"Path of the time of the event."`
	Data   string   `yaml:"data" doc:"Path of the object."`
	Drop   []string `yaml:"drop" doc:"Members of the object that are not fields of it."`
}

// Field is a declared field: a type, with ? if it may be null or absent.
type Field struct {
	Name     string     `yaml:",key"`
	Type     batch.Type `yaml:",value"`
	Optional bool
}

// UnmarshalText reads "int64" or "time?".
func (f *Field) UnmarshalText(b []byte) (err error) {
	s := string(b)
	if n := len(s); n > 0 && s[n-1] == '?' {
		s, f.Optional = s[:n-1], true
	}
	f.Type, err = batch.ParseType(s)
	return err
}

// Stream returns the named stream, nil if there is none.
func (c *Connector) Stream(name string) *Stream {
	for _, s := range c.Streams {
		if s.Name == name {
			return s
		}
	}
	return nil
}

// Environment returns the named environment, the first if name is empty, nil
// if there is none of the name.
func (c *Connector) Environment(name string) *Environment {
	for i := range c.Environments {
		if name == "" || c.Environments[i].Name == name {
			return &c.Environments[i]
		}
	}
	return nil
}

// paging returns the named paging, nil if there is none.
func (c *Connector) paging(name string) *Paging {
	for i := range c.Paging {
		if c.Paging[i].Name == name {
			return &c.Paging[i]
		}
	}
	return nil
}
