package dodo

import (
	"encoding/json"
	"maps"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Page sizes of the API.
const (
	defaultPageSize = 10
	maxPageSize     = 100
)

// pages holds buffers for list bodies.
var pages = sync.Pool{New: func() any { return new([]byte) }}

// list answers one page of a list.
func (s *Server) list(w http.ResponseWriter, r *http.Request, l *listRoute) {
	c := s.world.byName[l.of]
	o := s.options()
	params := r.URL.Query()
	q, refused := s.query(c, l, r, params)
	if refused != nil {
		refused.write(w)
		return
	}
	q.order = o.Order
	offset, size := int64(0), int64(math.MaxInt32)
	if !l.unpaged {
		if offset, size, refused = window(&o, l, params); refused != nil {
			refused.write(w)
			return
		}
	}
	var items []item
	if size > 0 {
		items = c.page(q, offset, size)
	}
	buf := pages.Get().(*[]byte)
	defer pages.Put(buf)
	b := (*buf)[:0]
	if l.bare {
		b = s.appendRows(append(b, '['), c, items)
		b = append(b, ']')
	} else {
		b = s.appendRows(append(b, `{"items":[`...), c, items)
		b = append(b, ']')
		b = s.appendBeside(b, r, l, len(items))
		b = append(b, '}')
	}
	*buf = b
	if rows, ok := w.(interface{ AddRows(int) }); ok {
		rows.AddRows(len(items))
	}
	writeBody(w, http.StatusOK, "application/json", b)
	s.churn(c, o.Churn)
}

// appendBeside appends what a few lists have beside their items.
func (s *Server) appendBeside(b []byte, r *http.Request, l *listRoute, rows int) []byte {
	switch l.of {
	case "wallets":
		return strconv.AppendInt(append(b, `,"total_balance_usd":`...), int64(rows)*1000, 10)
	case "credit_usage":
		return append(append(b, `,"subscription_id":`...), quote(r.PathValue("id"))...)
	case "line_items":
		i, _ := s.world.payments.indexOf(r.PathValue("id"))
		if currency := s.prop(s.world.payments, i, "currency"); currency != "" { // the payment may be deleted by now
			return append(append(b, `,"currency":`...), currency...)
		}
	}
	return b
}

func (s *Server) appendRows(b []byte, c *collection, items []item) []byte {
	nonce := s.nonce.Add(1)
	var r row // one for all: it escapes, and would be allocated once a row
	for k, it := range items {
		if k > 0 {
			b = append(b, ',')
		}
		r = c.rowOf(it)
		r.nonce = nonce
		b = r.append(b, c.lists)
	}
	return b
}

// query turns path and query parameters into a query.
func (s *Server) query(c *collection, l *listRoute, r *http.Request, params url.Values) (*query, *apiError) {
	q := c.all()
	if l.owner != "" {
		owner := s.world.byName[l.owner]
		i, ok := owner.indexOf(r.PathValue("id"))
		if _, found := owner.find(i); !ok || !found {
			return nil, notFound(l.owner + " " + r.PathValue("id"))
		}
		if c.parent == owner {
			q.lo, q.hi = c.children(i)
		}
		for _, param := range slices.Sorted(maps.Keys(l.where)) {
			q.where(l.where[param], c.props[l.where[param]], equal, r.PathValue(param))
		}
	}
	for _, fl := range c.filters {
		if refused := q.filter(c, fl, params); refused != nil {
			return nil, refused
		}
	}
	return q, q.bound(c, params)
}

// where adds a predicate. The value is plain text.
func (q *query) where(name string, field *compiledField, m match, v string) {
	p := predicate{field: field, match: m}
	switch m {
	case equal:
		quoted, err := json.Marshal(v)
		if err != nil {
			panic(err) // a string always marshals
		}
		p.want = quoted
	case boolean:
		p.want = []byte(v)
	case contains:
		p.want = []byte(strings.ToLower(v))
	}
	q.preds = append(q.preds, p)
	q.key += name + "=" + url.QueryEscape(v) + "&"
}

// filter adds the predicate of one query parameter, if it is there.
func (q *query) filter(c *collection, fl filter, params url.Values) *apiError {
	v := fl.deflt
	if params.Has(fl.param) {
		v = params.Get(fl.param)
	}
	if v == "" {
		return nil
	}
	name := fl.field
	if name == "" {
		name = fl.param
	}
	field := c.props[name]
	switch fl.match {
	case boolean, unhide:
		on, err := strconv.ParseBool(v)
		if err != nil {
			return invalidQuery("%s: %q is not true or false", fl.param, v)
		}
		if fl.match == unhide && on {
			return nil
		}
		v = strconv.FormatBool(on)
	case equal:
		if enum := field.value.enum; enum != nil && !slices.Contains(enum, v) {
			return invalidQuery("%s: unknown variant %q, expected one of %s", fl.param, v, strings.Join(enum, ", "))
		}
	}
	q.where(fl.param, field, fl.match, v)
	return nil
}

// bound applies the bounds of the creation time, both inclusive.
func (q *query) bound(c *collection, params url.Values) *apiError {
	from, to := int64(math.MinInt64), int64(math.MaxInt64)
	for _, side := range []struct {
		param string
		to    *int64
		round time.Duration
	}{{c.from, &from, time.Microsecond - 1}, {c.to, &to, 0}} {
		v := params.Get(side.param)
		if side.param == "" || v == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			return invalidQuery("%s: %q is not an RFC 3339 time", side.param, v)
		}
		// A bound between two microseconds leaves out the lower one.
		*side.to = t.Add(side.round).UnixMicro()
	}
	if from != math.MinInt64 || to != math.MaxInt64 {
		q.between(c, from, to)
	}
	return nil
}

// window reads page number and size, and returns what they cover.
func window(o *Options, l *listRoute, params url.Values) (offset, size int64, refused *apiError) {
	number, refused := integerParam(params, "page_number", 0)
	if refused != nil {
		return 0, 0, refused
	}
	sizeParam := "page_size"
	if l.limit && params.Has("limit") && !params.Has("page_size") {
		sizeParam = "limit"
	}
	size, refused = integerParam(params, sizeParam, defaultPageSize)
	if refused != nil {
		return 0, 0, refused
	}
	if size > maxPageSize {
		if !o.ClampPageSize {
			return 0, 0, invalidQuery("%s must not be above %d", sizeParam, maxPageSize)
		}
		size = maxPageSize
	}
	if l.capped && o.MaxPage > 0 && number > int64(o.MaxPage) {
		switch o.BeyondMaxPage {
		case PageError:
			return 0, 0, invalidQuery("page_number must not be above %d", o.MaxPage)
		case PageEmpty:
			return 0, 0, nil
		case PageClamp:
			number = int64(o.MaxPage)
		}
	}
	return number * size, size, nil
}

// integerParam reads an int32 that is not negative.
func integerParam(params url.Values, name string, deflt int64) (int64, *apiError) {
	if !params.Has(name) {
		return deflt, nil
	}
	v, err := strconv.ParseInt(params.Get(name), 10, 32)
	if err != nil {
		return 0, notAnInteger(name, params.Get(name))
	}
	if v < 0 {
		return 0, invalidQuery("%s must not be negative", name)
	}
	return v, nil
}
