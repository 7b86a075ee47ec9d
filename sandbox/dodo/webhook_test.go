package dodo

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/sandbox"
)

// receiver keeps what it was sent and answers with status.
type receiver struct {
	mu     sync.Mutex
	status int
	got    []received
}

type received struct {
	header http.Header
	body   []byte
}

func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(err)
	}
	rc.mu.Lock()
	defer rc.mu.Unlock()
	rc.got = append(rc.got, received{r.Header.Clone(), body})
	w.WriteHeader(rc.status)
}

func receive(t *testing.T, status int) (*receiver, string) {
	t.Helper()
	rc := &receiver{status: status}
	srv := httptest.NewServer(rc)
	t.Cleanup(srv.Close)
	return rc, srv.URL
}

const secret = "whsec_ZG9kby10ZXN0LWtleS0wMTIzNDU2Nzg5YWJjZGVmISE="

func TestWebhookIsSignedAndShaped(t *testing.T) {
	s := newTest(t, Options{})
	rc, url := receive(t, 200)
	s.AddEndpoint(Endpoint{URL: url, Secret: secret})
	id := ids(t, s, "payments")[0]
	e, err := s.Emit("payment.succeeded", "payments", id)
	if err != nil {
		t.Fatal(err)
	}
	if n := s.FlushWebhooks(t.Context()); n != 1 || len(rc.got) != 1 {
		t.Fatalf("%d attempts, %d received", n, len(rc.got))
	}
	got := rc.got[0]
	if got.header.Get("Webhook-Id") != e.ID || got.header.Get("Webhook-Timestamp") != fmt.Sprint(epoch.Unix()) {
		t.Errorf("headers %v", got.header)
	}
	if want := sandbox.Sign(secret, e.ID, epoch, got.body); got.header.Get("Webhook-Signature") != want {
		t.Errorf("signature %s, want %s", got.header.Get("Webhook-Signature"), want)
	}
	var body struct {
		BusinessID string `json:"business_id"`
		Type       string
		Timestamp  time.Time
		Data       jsonObject
	}
	if err := json.Unmarshal(got.body, &body); err != nil {
		t.Fatal(err)
	}
	if body.BusinessID != s.BusinessID() || body.Type != "payment.succeeded" || !body.Timestamp.Equal(epoch) || body.Data["payload_type"] != "Payment" {
		t.Errorf("body %s", got.body)
	}
	var detail jsonObject
	if err := json.Unmarshal(get(t, s, "/payments/"+id).Body.Bytes(), &detail); err != nil {
		t.Fatal(err)
	}
	delete(body.Data, "payload_type")
	if diff := cmp.Diff(detail, body.Data); diff != "" {
		t.Errorf("data is not the detail shape:\n%s", diff)
	}
}

// A late attempt carries the data of its own time under the event's timestamp.
func TestRetriesFollowScheduleWithFreshData(t *testing.T) {
	s := newTest(t, Options{})
	rc, url := receive(t, 500)
	_, sender := s.AddEndpoint(Endpoint{URL: url, Secret: secret})
	id := ids(t, s, "subscriptions")[0]
	e, err := s.Emit("subscription.active", "subscriptions", id)
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		s.FlushWebhooks(t.Context())
		due, ok := sender.NextDue()
		if !ok {
			break
		}
		s.Clock().Set(due)
		if len(rc.got) == 2 {
			if _, err := s.Update("subscriptions", id, Fields{"metadata": map[string]string{"late": "yes"}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	var delays []time.Duration
	last := epoch
	for _, d := range sender.Deliveries() {
		if d.ID == e.ID {
			delays = append(delays, d.At.Sub(last))
			last = d.At
		}
	}
	want := append([]time.Duration{0}, RetrySchedule...)
	if diff := cmp.Diff(want, delays); diff != "" {
		t.Errorf("delays (-want +got):\n%s", diff)
	}
	if !slices.Contains(sender.Failed(), e.ID) {
		t.Error("not given up")
	}
	var first, final received
	for _, r := range rc.got {
		if r.header.Get("Webhook-Id") == e.ID {
			if first.body == nil {
				first = r
			}
			final = r
		}
	}
	if strings.Contains(string(first.body), `"late"`) || !strings.Contains(string(final.body), `"late"`) {
		t.Error("the last attempt has the first one's data")
	}
	if first.header.Get("Webhook-Signature") == final.header.Get("Webhook-Signature") {
		t.Error("attempts not signed anew")
	}
}

func TestEventsOfEveryEntity(t *testing.T) {
	s := newTest(t, Options{})
	for _, tt := range []struct {
		entity string
		fields Fields
		update Fields
		want   []string
	}{
		{"payments", nil, Fields{"status": "failed"}, []string{"payment.processing", "payment.failed"}},
		{"subscriptions", nil, Fields{"status": "past_due"}, []string{"subscription.past_due", "subscription.updated"}},
		{"refunds", Fields{"status": "pending"}, Fields{"status": "failed"}, []string{"refund.failed"}},
		{"disputes", Fields{"dispute_status": "dispute_opened"}, Fields{"dispute_status": "dispute_lost"}, []string{"dispute.opened", "dispute.lost"}},
		{"license_keys", nil, Fields{"status": "disabled"}, []string{"license_key.created"}},
		{"payouts", Fields{"status": "not_initiated"}, Fields{"status": "success"}, []string{"payout.created", "payout.success"}},
		{"entitlement_grants", Fields{"status": "Pending"}, Fields{"status": "Delivered"}, []string{"entitlement_grant.created", "entitlement_grant.delivered"}},
		{"credit_ledger", Fields{"transaction_type": "credit_deducted"}, nil, []string{"credit.deducted"}},
		{"abandoned_checkouts", Fields{"status": "abandoned"}, Fields{"status": "recovered"}, []string{"abandoned_checkout.detected", "abandoned_checkout.recovered"}},
		{"dunning_attempts", Fields{"status": "recovering"}, Fields{"status": "recovered"}, []string{"dunning.started", "dunning.recovered"}},
		{"credit_alerts", nil, nil, []string{"credit.balance_low"}},
		{"customers", nil, Fields{"name": "New"}, nil},
	} {
		id, events, err := s.Create(tt.entity, tt.fields)
		if err != nil {
			t.Fatal(err)
		}
		if tt.update != nil {
			more, err := s.Update(tt.entity, id, tt.update)
			if err != nil {
				t.Fatal(err)
			}
			events = append(events, more...)
		}
		var got []string
		for _, e := range events {
			if e.Entity != tt.entity {
				continue // carried over to the payment
			}
			got = append(got, e.Type)
			if !json.Valid(e.Body()) {
				t.Errorf("%s: %s", e.Type, e.Body())
			}
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.entity, diff)
		}
	}
}

func TestEndpointsByAPI(t *testing.T) {
	s := newTest(t, Options{})
	rc, url := receive(t, 200)
	key := "sandbox_test_key"
	for range 3 {
		if w := do(t, s, "POST", "/webhooks", `{"url":"`+url+`","filter_types":["refund.succeeded"],"disabled":true}`, key); w.Code != 200 {
			t.Fatalf("create: %d %s", w.Code, w.Body)
		}
	}
	var seen []string
	for iterator, calls := "", 0; calls < 5; calls++ {
		var page struct {
			Data     []struct{ ID string }
			Iterator string
			Done     bool
		}
		if err := json.Unmarshal(get(t, s, "/webhooks?limit=2&iterator="+iterator).Body.Bytes(), &page); err != nil {
			t.Fatal(err)
		}
		for _, d := range page.Data {
			seen = append(seen, d.ID)
		}
		if page.Done {
			break
		}
		iterator = page.Iterator
	}
	if len(seen) != 3 {
		t.Fatalf("endpoints %v", seen)
	}
	path := "/webhooks/" + seen[1]
	if w := do(t, s, "PATCH", path, `{"disabled":false,"headers":{"X-Shop":"1"}}`, key); w.Code != 200 {
		t.Fatalf("patch: %d", w.Code)
	}
	var own struct{ Secret string }
	if err := json.Unmarshal(get(t, s, path+"/secret").Body.Bytes(), &own); err != nil || own.Secret == "" {
		t.Fatalf("secret %q %v", own.Secret, err)
	}
	for _, eventType := range []string{"refund.succeeded", "refund.failed"} {
		if _, err := s.Emit(eventType, "refunds", ids(t, s, "refunds")[0]); err != nil {
			t.Fatal(err)
		}
	}
	s.FlushWebhooks(t.Context())
	if len(rc.got) != 1 || rc.got[0].header.Get("X-Shop") != "1" {
		t.Errorf("received %d, want the one type on the one enabled endpoint", len(rc.got))
	}
	if w := do(t, s, "DELETE", path, "", key); w.Code != 204 || get(t, s, path).Code != 404 {
		t.Errorf("delete: %d", w.Code)
	}
}

func TestControlByHTTP(t *testing.T) {
	s := newTest(t, Options{})
	api := serve(t, s)
	_, url := receive(t, 200)
	control := func(method, path, body string) string {
		t.Helper()
		w := do(t, s, method, "/_sandbox/"+path, body, "")
		if w.Code != 200 {
			t.Fatalf("%s %s: %d %s", method, path, w.Code, w.Body)
		}
		return w.Body.String()
	}
	control("POST", "clock", `{"set":"2027-01-01T00:00:00Z","advance":"1h","rate":0}`)
	if got := s.Clock().Now().Format(time.RFC3339); got != "2027-01-01T01:00:00Z" {
		t.Errorf("clock %s", got)
	}
	control("POST", "faults", `{"path":"/payments","kind":"status","status":503,"nth":2,"retry_after":"7s"}`)
	for n, want := range []int{200, 503, 200} {
		resp, _, err := fetch(t, api.URL+"/payments")
		if err != nil || resp.StatusCode != want {
			t.Fatalf("request %d: %v %v", n, resp, err)
		}
		if want == 503 && resp.Header.Get("Retry-After") != "7" {
			t.Errorf("Retry-After %q", resp.Header.Get("Retry-After"))
		}
	}
	control("POST", "endpoints", `{"url":"`+url+`","secret":"`+secret+`"}`)
	var made struct{ IDs []string }
	if err := json.Unmarshal([]byte(control("POST", "create", `{"entity":"payments","n":3,"fields":{"status":"succeeded"}}`)), &made); err != nil || len(made.IDs) != 3 {
		t.Fatalf("%v %v", made, err)
	}
	if got := control("POST", "flush", ""); got != `{"attempts":3}` {
		t.Errorf("flush %s", got)
	}
	control("POST", "update", `{"entity":"payments","id":"`+made.IDs[0]+`","fields":{"status":"failed"}}`)
	control("POST", "delete", `{"entity":"payments","id":"`+made.IDs[0]+`"}`)
	control("POST", "delete?entity=payments&n=2", "")
	if got := control("GET", "count?entity=payments", ""); got != `{"count":1000}` {
		t.Errorf("count %s", got)
	}
	control("POST", "touch?n=20", "")
	control("POST", "emit", `{"type":"new.thing","entity":"payouts","id":"`+ids(t, s, "payouts")[0]+`"}`)
	control("POST", "settings", `{"rate_limit":{"per_minute":1}}`)
	if got := strings.Count(control("GET", "truth?entity=payments", ""), "\n"); got < 1000 {
		t.Errorf("truth has %d rows", got)
	}
	var counts sandbox.Counts
	if err := json.Unmarshal([]byte(control("GET", "counters", "")), &counts); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[int]int64{200: 2, 503: 1}, counts.Routes["GET /payments"].Status); diff != "" || counts.Requests != 3 || counts.Rows != 20 {
		t.Errorf("counters %+v", counts)
	}
}
