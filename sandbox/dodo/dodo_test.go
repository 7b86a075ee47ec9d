package dodo

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/sandbox"
)

var epoch = time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)

// newTest returns a sandbox whose clock stands at the epoch.
func newTest(t testing.TB, opts Options) *Server {
	t.Helper()
	if opts.Clock == nil {
		opts.Clock = sandbox.NewFrozenClock(epoch)
	}
	s, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// get asks s directly, with the test key.
func get(t testing.TB, s *Server, path string) *httptest.ResponseRecorder {
	t.Helper()
	return do(t, s, "GET", path, "", "sandbox_test_key")
}

func do(t testing.TB, s *Server, method, path, body, key string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

// jsonObject is a decoded row.
type jsonObject = map[string]any

// items reads one page and returns its rows.
func items(t testing.TB, s *Server, path string) []jsonObject {
	t.Helper()
	w := get(t, s, path)
	if w.Code != 200 {
		t.Fatalf("GET %s: %d %s", path, w.Code, w.Body)
	}
	var page struct{ Items []jsonObject }
	if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
		t.Fatalf("GET %s: %v\n%s", path, err, w.Body)
	}
	return page.Items
}

// scan reads every page of a list and returns the values of one field.
func scan(t testing.TB, s *Server, path, field string) []string {
	t.Helper()
	var out []string
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	for n := 0; ; n++ {
		rows := items(t, s, fmt.Sprintf("%s%spage_size=100&page_number=%d", path, sep, n))
		for _, r := range rows {
			out = append(out, fmt.Sprint(r[field]))
		}
		if len(rows) < 100 {
			return out
		}
	}
}

func ids(t testing.TB, s *Server, entity string) []string {
	t.Helper()
	var out []string
	for id := range s.Truth(entity) {
		out = append(out, id)
	}
	return out
}

// pathFor fills a list's path with an object that exists.
func pathFor(s *Server, l *listRoute) string {
	path := l.path
	if l.owner != "" {
		path = strings.Replace(path, "{id}", s.world.byName[l.owner].idOf(1), 1)
		path = strings.Replace(path, "{customer_id}", s.world.customers.idOf(1), 1)
	}
	return path
}

func TestEveryListAnswers(t *testing.T) {
	s := newTest(t, Options{})
	for i := range lists {
		l := &lists[i]
		t.Run(l.path, func(t *testing.T) {
			path := pathFor(s, l)
			w := get(t, s, path)
			if w.Code != 200 || !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%d %s", w.Code, w.Body)
			}
			if l.bare {
				if w.Body.Bytes()[0] != '[' {
					t.Fatalf("want a bare array, got %s", w.Body)
				}
				return
			}
			var page map[string]json.RawMessage
			if err := json.Unmarshal(w.Body.Bytes(), &page); err != nil {
				t.Fatal(err)
			}
			want := []string{"items"}
			if beside := map[string]string{"wallets": "total_balance_usd", "line_items": "currency", "credit_usage": "subscription_id"}[l.of]; beside != "" {
				want = append(want, beside)
			}
			slices.Sort(want)
			if diff := cmp.Diff(want, slices.Sorted(maps.Keys(page))); diff != "" {
				t.Errorf("keys (-want +got):\n%s", diff)
			}
			if l.owner != "" {
				unknown := strings.Replace(path, s.world.byName[l.owner].idOf(1), s.world.byName[l.owner].idOf(1<<30), 1)
				if w := get(t, s, unknown); w.Code != 404 {
					t.Errorf("list of an unknown owner: %d", w.Code)
				}
			}
		})
	}
}

func TestEveryRowIsFoundByID(t *testing.T) {
	s := newTest(t, Options{})
	for path, name := range singles {
		c := s.world.byName[name]
		t.Run(name, func(t *testing.T) {
			for i := range min(c.n, 50) {
				id := c.idOf(i)
				w := get(t, s, strings.Replace(path, "{id}", id, 1))
				var got jsonObject
				if err := json.Unmarshal(w.Body.Bytes(), &got); w.Code != 200 || err != nil || got[c.id] != id {
					t.Fatalf("%s: %d %v %s", id, w.Code, err, w.Body)
				}
			}
			for _, id := range []string{"nothing", c.idOf(c.n), c.idOf(createdBase), c.prefix + "000000000000000000000"} {
				if w := get(t, s, strings.Replace(path, "{id}", id, 1)); w.Code != 404 {
					t.Errorf("%s: %d", id, w.Code)
				}
			}
		})
	}
}

// The list row and the detail of a payment differ as the reference says.
func TestPaymentShapes(t *testing.T) {
	s := newTest(t, Options{})
	row := items(t, s, "/payments?page_size=1")[0]
	want := strings.Fields(`brand_id created_at currency customer digital_products_delivered has_license_key
		is_multi_subscription metadata payment_id payment_provider subscription_ids total_amount card_last_four card_network
		dispute_status invoice_id invoice_url payment_method payment_method_type refund_status status subscription_id`)
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(row))); diff != "" {
		t.Errorf("list row (-want +got):\n%s", diff)
	}
	var single jsonObject
	if err := json.Unmarshal(get(t, s, "/payments/"+row["payment_id"].(string)).Body.Bytes(), &single); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"dispute_status", "has_license_key"} {
		if _, ok := single[name]; ok {
			t.Errorf("detail has %s", name)
		}
	}
	for _, name := range []string{"billing", "refunds", "disputes", "updated_at", "settlement_amount", "product_cart"} {
		if _, ok := single[name]; !ok {
			t.Errorf("detail lacks %s", name)
		}
	}
}

func TestRelationsHold(t *testing.T) {
	s := newTest(t, Options{})
	payments := map[string]jsonObject{}
	for id, row := range s.Truth("payments") {
		var p jsonObject
		if err := json.Unmarshal(row, &p); err != nil {
			t.Fatal(err)
		}
		payments[id] = p
	}
	for id, row := range s.Truth("refunds") {
		var refund, detail jsonObject
		if err := json.Unmarshal(row, &refund); err != nil {
			t.Fatal(err)
		}
		p := payments[refund["payment_id"].(string)]
		if p == nil || p["status"] != "succeeded" {
			t.Fatalf("refund %s of payment %v", id, p)
		}
		if (p["refund_status"] != nil) != (refund["status"] == "succeeded") {
			t.Errorf("refund %v, payment's refund_status %v", refund["status"], p["refund_status"])
		}
		body, err := s.Get("payments", refund["payment_id"].(string))
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(body, &detail); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]any{any(refund)}, detail["refunds"]); diff != "" {
			t.Errorf("refunds inside the payment:\n%s", diff)
		}
	}
	subs := map[string]bool{}
	for _, id := range ids(t, s, "subscriptions") {
		subs[id] = true
	}
	renewals := 0
	for _, p := range payments {
		for _, sub := range p["subscription_ids"].([]any) {
			renewals++
			if !subs[sub.(string)] {
				t.Errorf("payment of unknown subscription %v", sub)
			}
		}
	}
	if renewals == 0 {
		t.Error("no payment renews a subscription")
	}
}

func TestPaging(t *testing.T) {
	for _, order := range []Order{NewestFirst, OldestFirst, Shuffled} {
		t.Run(string(order), func(t *testing.T) {
			s := newTest(t, Options{Order: order, Counts: map[string]int{"payments": 3456}})
			got := scan(t, s, "/payments", "payment_id")
			want := ids(t, s, "payments")
			if order == NewestFirst {
				slices.Reverse(want)
			}
			if order == Shuffled {
				if slices.Equal(got, want) {
					t.Error("not shuffled")
				}
				slices.Sort(got)
				slices.Sort(want)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("ids (-want +got):\n%s", diff)
			}
			if again := scan(t, s, "/payments", "payment_id"); order == Shuffled {
				slices.Sort(again)
				if !slices.Equal(got, again) {
					t.Error("another set at the second scan")
				}
			}
		})
	}
}

func TestPageParameters(t *testing.T) {
	base := Options{Counts: map[string]int{"payments": 250}}
	capped := func(how BeyondMaxPage) Options {
		o := base
		o.MaxPage, o.BeyondMaxPage = 1, how
		return o
	}
	clamp := base
	clamp.ClampPageSize = true
	for _, tt := range []struct {
		name, query string
		opts        Options
		status      int
		code        string
		rows        int
	}{
		{"default size", "", base, 200, "", 10},
		{"page 0 is the first", "page_number=0&page_size=100", base, 200, "", 100},
		{"last, short", "page_number=2&page_size=100", base, 200, "", 50},
		{"beyond the end", "page_number=3&page_size=100", base, 200, "", 0},
		{"far beyond the end", "page_number=2147483647&page_size=100", base, 200, "", 0},
		{"size 0", "page_size=0", base, 200, "", 0},
		{"size over", "page_size=101", base, 422, "INVALID_QUERY_PARAMS", 0},
		{"size over, clamped", "page_size=500", clamp, 200, "", 100},
		{"no number", "page_number=x", base, 422, "INTEGER_CONVERSION_FAILURE", 0},
		{"over int32", "page_number=2147483648", base, 422, "INTEGER_CONVERSION_FAILURE", 0},
		{"negative", "page_number=-1", base, 422, "INVALID_QUERY_PARAMS", 0},
		{"at the cap", "page_number=1&page_size=100", capped(PageError), 200, "", 100},
		{"cap, error", "page_number=2&page_size=100", capped(PageError), 422, "INVALID_QUERY_PARAMS", 0},
		{"cap, empty", "page_number=2&page_size=100", capped(PageEmpty), 200, "", 0},
		{"cap, clamped", "page_number=2&page_size=100", capped(PageClamp), 200, "", 100},
		{"unknown parameter", "colour=red", base, 200, "", 10},
		{"unknown status", "status=melted", base, 422, "INVALID_QUERY_PARAMS", 0},
		{"bad time", "created_at_gte=yesterday", base, 422, "INVALID_QUERY_PARAMS", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := get(t, newTest(t, tt.opts), "/payments?"+tt.query)
			var body struct {
				Items []json.RawMessage
				Code  string
			}
			if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
				t.Fatal(err)
			}
			if w.Code != tt.status || body.Code != tt.code || len(body.Items) != tt.rows {
				t.Errorf("got %d %q %d rows, want %d %q %d", w.Code, body.Code, len(body.Items), tt.status, tt.code, tt.rows)
			}
		})
	}
}

func TestHiddenRows(t *testing.T) {
	s := newTest(t, Options{})
	for _, tt := range []struct {
		path, param, entity, id string
		both                    bool // the parameter adds the hidden rows to the others
	}{
		{"/products", "archived=true", "products", "product_id", false},
		{"/meters", "archived=true", "meters", "id", false},
		{"/product-collections", "archived=true", "product_collections", "id", false},
		{"/credit-entitlements", "deleted=true", "credit_entitlements", "id", false},
		{"/brands", "include_archived=true", "brands", "brand_id", true},
	} {
		shown, hidden := scan(t, s, tt.path, tt.id), scan(t, s, tt.path+"?"+tt.param, tt.id)
		all := len(ids(t, s, tt.entity))
		got := len(shown) + len(hidden)
		if tt.both {
			got = len(hidden)
		}
		if got != all || len(shown) == 0 || len(shown) == all {
			t.Errorf("%s: %d shown, %d with %s, %d in all", tt.path, len(shown), len(hidden), tt.param, all)
		}
	}
}

func TestFiltersSelectWhatTruthHolds(t *testing.T) {
	s := newTest(t, Options{Counts: map[string]int{"payments": 5000}})
	customer := items(t, s, "/payments?page_size=1")[0]["customer"].(jsonObject)["customer_id"].(string)
	for _, tt := range []struct {
		path, id, entity string
		keep             func(o jsonObject) bool
	}{
		{"/payments?status=processing", "payment_id", "payments", func(o jsonObject) bool { return o["status"] == "processing" }},
		{"/payments?status=succeeded&currency=JPY", "payment_id", "payments", func(o jsonObject) bool { return o["status"] == "succeeded" && o["currency"] == "JPY" }},
		{"/payments?customer_id=" + customer, "payment_id", "payments", func(o jsonObject) bool { return o["customer"].(jsonObject)["customer_id"] == customer }},
		{"/customers?name=aDA%20L", "customer_id", "customers", func(o jsonObject) bool { return strings.Contains(strings.ToLower(o["name"].(string)), "ada l") }},
		{"/subscriptions?status=active&cancel_at_next_billing_date=true", "subscription_id", "subscriptions", func(o jsonObject) bool {
			return o["status"] == "active" && o["cancel_at_next_billing_date"] == true
		}},
		{"/products?recurring=true", "product_id", "products", nil},
	} {
		got := scan(t, s, tt.path, tt.id)
		if len(got) == 0 {
			t.Errorf("%s: nothing", tt.path)
		}
		if tt.keep == nil {
			continue
		}
		var want []string
		for id, row := range s.Truth(tt.entity) {
			var o jsonObject
			if err := json.Unmarshal(row, &o); err != nil {
				t.Fatal(err)
			}
			if tt.keep(o) {
				want = append(want, id)
			}
		}
		slices.Reverse(want)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.path, diff)
		}
	}
}

// Both bounds of the creation time are inclusive, to the microsecond.
func TestCreatedBounds(t *testing.T) {
	s := newTest(t, Options{Counts: map[string]int{"payments": 2500}, Order: OldestFirst})
	all := scan(t, s, "/payments", "created_at")
	times := make([]time.Time, len(all))
	for i, v := range all {
		var err error
		if times[i], err = time.Parse(time.RFC3339Nano, v); err != nil {
			t.Fatal(err)
		}
	}
	if !slices.IsSortedFunc(times, time.Time.Compare) {
		t.Fatal("not in order of creation")
	}
	count := func(from, to time.Time) int {
		return len(scan(t, s, "/payments?created_at_gte="+from.Format(time.RFC3339Nano)+"&created_at_lte="+to.Format(time.RFC3339Nano), "payment_id"))
	}
	want := func(from, to time.Time) int {
		n := 0
		for _, at := range times {
			if !at.Before(from) && !at.After(to) {
				n++
			}
		}
		return n
	}
	for _, i := range []int{0, 1, 5, 1023, 1024, 1300, len(times) - 1} {
		for _, d := range []time.Duration{-time.Microsecond, -1, 0, 1, time.Microsecond} {
			from, to := times[i].Add(d), times[min(i+700, len(times)-1)].Add(-d)
			if got := count(from, to); got != want(from, to) {
				t.Errorf("from %v to %v: %d rows, want %d", from, to, got, want(from, to))
			}
		}
	}
	digits := map[int]int{}
	for _, v := range all {
		_, fraction, _ := strings.Cut(strings.TrimSuffix(v, "Z"), ".")
		digits[len(fraction)]++
	}
	if digits[0] == 0 || digits[3] == 0 || digits[6] == 0 || len(digits) != 3 {
		t.Errorf("fraction digits %v, want some of 0, 3 and 6", digits)
	}
}

func TestKeys(t *testing.T) {
	opts := Options{ReadOnlyKey: "reader"}
	for _, tt := range []struct {
		mode              Mode
		method, path, key string
		status            int
	}{
		{Test, "GET", "/payments", "sandbox_test_key", 200},
		{Test, "GET", "/payments", "", 401},
		{Test, "GET", "/payments", "wrong", 401},
		{Test, "GET", "/payments", "sandbox_live_key", 401},
		{Live, "GET", "/payments", "sandbox_live_key", 200},
		{Live, "GET", "/payments", "sandbox_test_key", 401},
		{Test, "GET", "/payments", "reader", 200},
		{Test, "POST", "/webhooks", "reader", 403},
		{Test, "GET", "/_sandbox/counters", "", 200},
		{Test, "GET", "/nothing", "sandbox_test_key", 404},
		{Test, "POST", "/checkouts", "sandbox_test_key", 400},
	} {
		opts.Mode = tt.mode
		w := do(t, newTest(t, opts), tt.method, tt.path, `{"url":"http://127.0.0.1:1"}`, tt.key)
		if w.Code != tt.status {
			t.Errorf("%s %s %s with %q: %d, want %d", tt.mode, tt.method, tt.path, tt.key, w.Code, tt.status)
		}
		if tt.status == 401 {
			var e apiError
			if err := json.Unmarshal(w.Body.Bytes(), &e); err != nil || e.Code != "UNAUTHORIZED" {
				t.Errorf("body %s", w.Body)
			}
		}
	}
}

func TestRateLimit(t *testing.T) {
	s := newTest(t, Options{RateLimit: sandbox.Rate{PerSecond: 2, PerMinute: 5}, RetryAfter: true})
	clock := s.Clock()
	step := func(status int, remaining string) {
		t.Helper()
		w := get(t, s, "/payments")
		if w.Code != status || w.Header().Get("X-RateLimit-Remaining") != remaining {
			t.Errorf("got %d, remaining %s; want %d, %s", w.Code, w.Header().Get("X-RateLimit-Remaining"), status, remaining)
		}
		if status == 429 && (w.Header().Get("Retry-After") == "" || !strings.Contains(w.Body.String(), `"TOO_MANY_REQUESTS"`)) {
			t.Errorf("429 without hint: %v %s", w.Header(), w.Body)
		}
	}
	step(200, "4")
	step(200, "3")
	step(429, "0") // the second is used up
	clock.Advance(time.Second)
	step(200, "2")
	step(200, "1")
	clock.Advance(time.Second)
	step(200, "0")
	step(429, "0") // the minute is
	clock.Advance(time.Minute)
	step(200, "4")
	if got := s.Counters().Routes["GET /payments"].Status; got[429] != 2 || got[200] != 6 {
		t.Errorf("counters %v", got)
	}
}

func TestSameSeedSameData(t *testing.T) {
	a, b := newTest(t, Options{Seed: 7}), newTest(t, Options{Seed: 7})
	other := newTest(t, Options{Seed: 8})
	for _, path := range []string{"/payments", "/customers?name=ada", "/credit-entitlements?deleted=true"} {
		if get(t, a, path).Body.String() != get(t, b, path).Body.String() {
			t.Errorf("%s differs for the same seed", path)
		}
	}
	if get(t, a, "/payments").Body.String() == get(t, other, "/payments").Body.String() {
		t.Error("same data for another seed")
	}
	var first, second []string
	for _, e := range a.Touch(50) {
		first = append(first, e.ID+e.Type+e.ObjectID)
	}
	for _, e := range b.Touch(50) {
		second = append(second, e.ID+e.Type+e.ObjectID)
	}
	if diff := cmp.Diff(first, second); diff != "" || len(first) == 0 {
		t.Errorf("%d events, other changes for the same seed:\n%s", len(first), diff)
	}
}

// Ten million payments cost nothing, and the last page is as quick as the
// first.
func TestTenMillion(t *testing.T) {
	s := newTest(t, Options{Counts: Scaled(10_000_000)})
	start := time.Now()
	if n := len(items(t, s, "/payments?page_size=100&page_number=99999")); n != 100 {
		t.Errorf("last page has %d rows", n)
	}
	if n := len(items(t, s, "/payments?page_size=100&page_number=100000")); n != 0 {
		t.Errorf("page after the last has %d rows", n)
	}
	if n := len(items(t, s, "/payments?page_size=100&page_number=500&created_at_lte=2026-01-01T00:00:00Z")); n != 100 {
		t.Errorf("page within a bound has %d rows", n)
	}
	t.Logf("in %v", time.Since(start))
}

func TestDateFollowsClock(t *testing.T) {
	s := newTest(t, Options{})
	s.Clock().Set(time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC))
	if got := get(t, s, "/payments").Header().Get("Date"); got != "Mon, 03 Feb 2031 04:05:06 GMT" {
		t.Errorf("Date: %s", got)
	}
}

// serve puts s behind a real connection.
func serve(t testing.TB, s *Server) *httptest.Server {
	t.Helper()
	api := httptest.NewServer(s)
	t.Cleanup(api.Close)
	return api
}

func fetch(t testing.TB, url string) (*http.Response, []byte, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer sandbox_test_key")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return resp, body, err
}
