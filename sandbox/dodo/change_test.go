package dodo

import (
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/sandbox"
)

func TestCreateUpdateDeleteAreSeen(t *testing.T) {
	s := newTest(t, Options{Counts: map[string]int{"payments": 2050}})
	s.Clock().Advance(time.Hour)
	id, _, err := s.Create("payments", Fields{"total_amount": 4242})
	if err != nil {
		t.Fatal(err)
	}
	if first := items(t, s, "/payments?page_size=1")[0]; first["payment_id"] != id || first["total_amount"] != 4242.0 || first["created_at"] != "2026-11-01T01:00:00Z" {
		t.Errorf("newest payment is %v", first)
	}
	events, err := s.Update("payments", id, Fields{"status": "succeeded"})
	if err != nil || len(events) != 1 || events[0].Type != "payment.succeeded" || events[0].ObjectID != id {
		t.Errorf("events %v, %v", events, err)
	}
	var detail jsonObject
	body, err := s.Get("payments", id)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(body, &detail); err != nil {
		t.Fatal(err)
	}
	if detail["status"] != "succeeded" || detail["updated_at"] != "2026-11-01T01:00:00Z" {
		t.Errorf("detail %v", detail)
	}
	old := s.world.payments.idOf(1024)
	if err := s.Delete("payments", old); err != nil {
		t.Fatal(err)
	}
	if w := get(t, s, "/payments/"+old); w.Code != 404 {
		t.Errorf("deleted payment: %d", w.Code)
	}
	if got := scan(t, s, "/payments", "payment_id"); len(got) != 2050 || slices.Contains(got, old) {
		t.Errorf("%d payments, the deleted one among them: %t", len(got), slices.Contains(got, old))
	}
	if err := s.Delete("payments", old); err == nil {
		t.Error("deleted twice")
	}
	if _, err := s.Update("payments", id, Fields{"colour": "red"}); err == nil {
		t.Error("updated a field that does not exist")
	}
}

// A row that appears late: its created_at lies in the past.
func TestBackdatedObject(t *testing.T) {
	s := newTest(t, Options{Counts: map[string]int{"customers": 3000}})
	at := epoch.Add(-200 * 24 * time.Hour)
	id, _, err := s.Create("customers", Fields{"created_at": at})
	if err != nil {
		t.Fatal(err)
	}
	bound := at.Format(time.RFC3339)
	if got := scan(t, s, "/customers?created_at_gte="+bound+"&created_at_lte="+bound, "customer_id"); !slices.Equal(got, []string{id}) {
		t.Errorf("at its time: %v", got)
	}
	if got := scan(t, s, "/customers", "created_at"); !slices.IsSortedFunc(got, func(a, b string) int { return parse(t, b).Compare(parse(t, a)) }) {
		t.Error("list out of order")
	}
}

func parse(t testing.TB, v string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, v)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestRefundReachesItsPayment(t *testing.T) {
	s := newTest(t, Options{})
	var payment string
	for id, row := range s.Truth("payments") {
		if strings.Contains(string(row), `"status":"succeeded"`) && strings.Contains(string(row), `"refund_status":null`) {
			payment = id
			break
		}
	}
	refund, events, err := s.Create("refunds", Fields{"payment_id": payment, "is_partial": true, "status": "pending"})
	if err != nil || len(events) != 0 {
		t.Fatalf("%v %v", events, err)
	}
	events, err = s.Update("refunds", refund, Fields{"status": "succeeded"})
	if err != nil || len(events) != 1 || events[0].Type != "refund.succeeded" {
		t.Fatalf("%v %v", events, err)
	}
	body, err := s.Get("payments", payment)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(body), `"refund_status":"partial"`) || !strings.Contains(string(body), refund) {
		t.Errorf("payment %s", body)
	}
}

func TestTouchAlwaysChangesSomething(t *testing.T) {
	s := newTest(t, Options{})
	before := snapshot(t, s)
	types := map[string]int{}
	for _, e := range s.Touch(400) {
		types[e.Type]++
		var body struct {
			Type string
			Data struct {
				PayloadType string `json:"payload_type"`
			}
		}
		if err := json.Unmarshal(e.Body(), &body); err != nil || body.Type != e.Type || body.Data.PayloadType == "" {
			t.Fatalf("%v: %s", err, e.Body())
		}
	}
	after := snapshot(t, s)
	changed := 0
	for k, v := range after {
		if before[k] != v {
			changed++
		}
	}
	if changed < 150 {
		t.Errorf("400 touches changed %d rows", changed)
	}
	for _, want := range []string{"payment.succeeded", "refund.succeeded", "subscription.renewed", "subscription.cancelled", "subscription.updated"} {
		if types[want] == 0 {
			t.Errorf("no %s among %v", want, types)
		}
	}
}

func snapshot(t testing.TB, s *Server) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, t := range touchers {
		for id, row := range s.Truth(t.entity) {
			out[t.entity+id] = string(row)
		}
	}
	return out
}

// Random changes keep every list equal to a plain model of it, in every order
// and under filters and bounds.
func TestListsEqualModelUnderRandomChange(t *testing.T) {
	for seed := range uint64(2) {
		random := rand.New(rand.NewPCG(seed, 1))
		s := newTest(t, Options{Seed: seed, Counts: map[string]int{"customers": 2300}})
		c := s.world.customers
		for round := range 5 {
			for range 60 {
				switch random.IntN(4) {
				case 0:
					at := epoch.Add(-time.Duration(random.Int64N(int64(700 * 24 * time.Hour))))
					if random.IntN(2) == 0 {
						at = time.UnixMicro(c.bornAt(random.Int64N(c.n))) // ties with a seeded one
					}
					if _, _, err := s.Create("customers", Fields{"created_at": at}); err != nil {
						t.Fatal(err)
					}
				case 1:
					if it, ok := s.randomItem(c); ok {
						if err := c.remove(it.i); err != nil {
							t.Fatal(err)
						}
					}
				default:
					if _, err := s.TouchEntity("customers", 1); err != nil {
						t.Fatal(err)
					}
				}
			}
			compareWithModel(t, s, round, random)
		}
	}
}

func compareWithModel(t *testing.T, s *Server, round int, random *rand.Rand) {
	t.Helper()
	type model struct {
		id, name string
		at       time.Time
	}
	var all []model
	for id, row := range s.Truth("customers") {
		var o struct {
			Name      string
			CreatedAt time.Time `json:"created_at"`
		}
		if err := json.Unmarshal(row, &o); err != nil {
			t.Fatal(err)
		}
		all = append(all, model{id, o.Name, o.CreatedAt})
	}
	if n, _ := s.Count("customers"); n != len(all) {
		t.Fatalf("round %d: count %d, truth %d", round, n, len(all))
	}
	if !slices.IsSortedFunc(all, func(a, b model) int { return a.at.Compare(b.at) }) {
		t.Fatalf("round %d: truth out of order", round)
	}
	from, to := all[random.IntN(len(all))].at, all[random.IntN(len(all))].at
	for _, q := range []struct {
		query string
		keep  func(m model) bool
	}{
		{"", func(model) bool { return true }},
		{"name=jr", func(m model) bool { return strings.Contains(m.name, "Jr") }},
		{
			"created_at_gte=" + from.Format(time.RFC3339Nano) + "&created_at_lte=" + to.Format(time.RFC3339Nano),
			func(m model) bool { return !m.at.Before(from) && !m.at.After(to) },
		},
		{"name=ada&created_at_gte=" + from.Format(time.RFC3339Nano), func(m model) bool { return !m.at.Before(from) && strings.Contains(m.name, "Ada") }},
	} {
		var want []string
		for _, m := range all {
			if q.keep(m) {
				want = append(want, m.id)
			}
		}
		for _, order := range []Order{OldestFirst, NewestFirst, Shuffled} {
			if err := s.Change(Settings{Order: order}); err != nil {
				t.Fatal(err)
			}
			got := scan(t, s, "/customers?"+q.query, "customer_id")
			expect := slices.Clone(want)
			switch order {
			case NewestFirst:
				slices.Reverse(expect)
			case Shuffled:
				slices.Sort(got)
				slices.Sort(expect)
			}
			if diff := cmp.Diff(expect, got); diff != "" {
				t.Fatalf("round %d, %q %s (-want +got):\n%s", round, q.query, order, diff)
			}
		}
	}
}

// With rows made between the pages, a newest-first scan sees some twice; with
// rows removed, it misses some.
func TestChurnShiftsPages(t *testing.T) {
	s := newTest(t, Options{Churn: Churn{Create: 5}, Counts: map[string]int{"payments": 1000}})
	got := scan(t, s, "/payments", "payment_id")
	slices.Sort(got)
	if unique := len(slices.Compact(slices.Clone(got))); unique == len(got) {
		t.Error("no row came twice")
	}
	s = newTest(t, Options{Churn: Churn{Delete: 20}, Counts: map[string]int{"payments": 1000}})
	got = scan(t, s, "/payments", "payment_id")
	for _, id := range ids(t, s, "payments") {
		if !slices.Contains(got, id) {
			return
		}
	}
	t.Error("no row was missed")
}

func TestConcurrentUse(t *testing.T) {
	s := newTest(t, Options{OnRequest: func(*http.Request) {}, RateLimit: sandbox.Rate{PerMinute: 1 << 30}})
	_, sender := s.AddEndpoint(Endpoint{URL: "http://127.0.0.1:1"})
	sender.SetDisabled(true)
	var group sync.WaitGroup
	for k := range 6 {
		group.Go(func() {
			for n := range 40 {
				switch k {
				case 0:
					s.Touch(3)
				case 1:
					s.Create("payments", nil) //nolint:errcheck // no fields, no error
				case 2:
					s.ResetCounters()
					s.Clock().Advance(time.Second)
				case 3:
					for range s.Truth("customers") {
					}
				default:
					items(t, s, []string{"/payments?status=succeeded", "/customers", "/refunds", "/subscriptions?status=active"}[n%4])
				}
			}
		})
	}
	group.Wait()
}
