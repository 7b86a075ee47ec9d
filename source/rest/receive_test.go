package rest_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/sandbox"
	"github.com/synclinehq/syncline/sandbox/dodo"
	"github.com/synclinehq/syncline/source/rest"
)

const hookSecret = "whsec_ZG9kby10ZXN0LWtleS0wMTIzNDU2Nzg5YWJjZGVmISE="

func receiver(t *testing.T) *rest.Source {
	t.Helper()
	w := newWorld(t, dodo.Options{}, nil)
	return w.source(t, func(o *rest.Options) { o.Secrets["webhook_key"] = hookSecret })
}

// deliver signs a body and has it received.
func deliver(t *testing.T, src *rest.Source, id string, at time.Time, body string) syncline.Event {
	t.Helper()
	h := http.Header{}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", fmt.Sprint(at.Unix()))
	h.Set("webhook-signature", sandbox.Sign(hookSecret, id, at, []byte(body)))
	events, err := src.Receive(h, []byte(body), at)
	if err != nil {
		t.Fatal(err)
	}
	if len(events) != 1 {
		t.Fatalf("%d events", len(events))
	}
	return events[0]
}

func TestReceive_Vector(t *testing.T) {
	src := receiver(t)
	at := time.Unix(1_700_000_000, 0)
	body := `{"business_id":"bus_1","type":"payment.succeeded","timestamp":"2026-01-02T03:04:05.678901Z","data":{"payload_type":"Payment","payment_id":"pay_1"}}`
	e := deliver(t, src, "msg_1", at, body)
	if e.ID != "msg_1" || e.Stream != "payments" || e.Type != "payment.succeeded" || e.Shape != syncline.ShapeDetail || e.Refetch {
		t.Errorf("%+v", e)
	}
	if string(e.Record.Data) != `{"payment_id":"pay_1"}` || e.Record.Key.String() != "pay_1" || e.Record.Reject != "" {
		t.Errorf("%s %s %s", e.Record.Key, e.Record.Data, e.Record.Reject)
	}
	want := time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC).UnixMicro()
	if e.Record.Version != at.UnixMicro()+999_999 || e.Record.Tie != want {
		t.Errorf("version %d, tie %d", e.Record.Version, e.Record.Tie)
	}
	if string(e.Body) != body {
		t.Error("body is not as received")
	}
}

func TestReceive_TypesAndShapes(t *testing.T) {
	src := receiver(t)
	at := time.Unix(1_700_000_000, 0)
	for _, c := range []struct{ body, stream, key, reject string }{
		{`{"type":"subscription.updated","data":{"payload_type":"Subscription","subscription_id":"sub_1"}}`, "subscriptions", "sub_1", ""},
		{`{"type":"subscription.brand_new_thing","data":{"subscription_id":"sub_1"}}`, "subscriptions", "sub_1", ""},
		{`{"type":"license_key.created","data":{"id":"lic_1"}}`, "license_keys", "lic_1", ""},
		{`{"type":"credit.deducted","data":{"id":"cle_1"}}`, "credit_ledger", "cle_1", ""},
		{`{"type":"credit.balance_low","data":{"payload_type":"CreditBalanceLow","customer_id":"cus_1"}}`, "credit_balance_alerts", "msg_x", ""},
		{`{"type":"dunning.started","data":{"subscription_id":"sub_1","created_at":"2026-01-02T03:04:05Z"}}`, "dunning_attempts", "sub_1/2026-01-02T03:04:05Z", ""},
		{`{"type":"abandoned_checkout.detected","data":{"payment_id":"pay_1"}}`, "abandoned_checkouts", "pay_1", ""},
		{`{"type":"payout.success","data":{"payout_id":"pyt_1","updated_at":"2026-03-05T09:59:59Z"}}`, "payouts", "pyt_1", ""},
		{`{"type":"payout.success","data":{"payout_id":"pyt_1"}}`, "payouts", "pyt_1", "version_missing"},
		{`{"type":"invoice.created","data":{"id":"x"}}`, "", "", ""},
		{`{"type":"payment.succeeded","data":{}}`, "payments", "", "key_missing"},
		{`{"type":"payment.succeeded","data":null}`, "payments", "", "no_object"},
		{`{"type":"payment.succeeded"}`, "payments", "", "no_object"},
		{`{"type":"payment.succeeded","data":{"payment_id":"p","payment_id":"q"}}`, "payments", "", "duplicate_member"},
		{`{"data":{"payment_id":"p"}}`, "", "", ""},
		{`not json`, "", "", ""},
		{``, "", "", ""},
		{`{"type":"payment.succeeded","data":{"payment_id":"p"}} trailing`, "payments", "", "not_json"},
	} {
		e := deliver(t, src, "msg_x", at, c.body)
		if e.Stream != c.stream || !strings.HasPrefix(e.Record.Reject, c.reject) || c.reject == "" && e.Record.Reject != "" {
			t.Errorf("%s: stream %q, reject %q", c.body, e.Stream, e.Record.Reject)
		}
		if c.reject == "" && e.Record.Key.String() != c.key {
			t.Errorf("%s: key %s", c.body, e.Record.Key)
		}
	}
	e := deliver(t, src, "m", at, `{"type":"payout.success","data":{"payout_id":"pyt_1","updated_at":"2026-03-05T09:59:59Z"}}`)
	if e.Record.Version != time.Date(2026, 3, 5, 9, 59, 59, 0, time.UTC).UnixMicro() || e.Record.Tie != at.UnixMicro()+999_999 {
		t.Errorf("version %d, tie %d", e.Record.Version, e.Record.Tie)
	}
}

func TestReceive_WithoutSecretRefusesEverything(t *testing.T) {
	w := newWorld(t, dodo.Options{}, nil)
	h := http.Header{}
	h.Set("webhook-id", "m")
	h.Set("webhook-timestamp", "1700000000")
	h.Set("webhook-signature", "v1,AAAA")
	if _, err := w.src.Receive(h, nil, time.Unix(1_700_000_000, 0)); err == nil {
		t.Error("accepted")
	}
}

// TestReceive_FromSandbox takes every kind of event the sandbox sends.
func TestReceive_FromSandbox(t *testing.T) {
	w := newWorld(t, dodo.Options{Counts: dodo.Scaled(200)}, nil)
	src := w.source(t, func(o *rest.Options) { o.Secrets["webhook_key"] = hookSecret })
	streams := map[string]int{}
	hooks := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		events, err := src.Receive(r.Header, body, w.Clock().Now())
		if err != nil {
			t.Errorf("refused: %v", err)
			rw.WriteHeader(http.StatusUnauthorized)
			return
		}
		for _, e := range events {
			streams[e.Stream]++
			if e.Stream != "" && (e.Record.Reject != "" || len(e.Record.Key) == 0 || bytes.Contains(e.Record.Data, []byte("payload_type"))) {
				t.Errorf("%s: reject %q, key %q, %s", e.Type, e.Record.Reject, e.Record.Key, e.Record.Data)
			}
		}
	}))
	defer hooks.Close()
	w.AddEndpoint(dodo.Endpoint{URL: hooks.URL, Secret: hookSecret})
	for _, entity := range dodo.Entities() {
		w.Create(entity, nil) // some cannot be created; those that can may announce it
	}
	w.Touch(300)
	w.FlushWebhooks(t.Context())
	t.Logf("%v", streams)
	for _, s := range []string{"payments", "subscriptions", "refunds", "disputes", "license_keys", "payouts"} {
		if streams[s] == 0 {
			t.Errorf("no event of %s", s)
		}
	}
	if streams[""] > 0 {
		t.Errorf("%d events without a stream", streams[""])
	}
}

func TestFetch(t *testing.T) {
	w := newWorld(t, dodo.Options{Counts: map[string]int{"payments": 20, "products": 5}}, nil)
	var keys []syncline.Key
	for id := range w.truth("payments") {
		keys = append(keys, keyOf(id))
	}
	for _, k := range keys {
		r, err := w.src.Fetch(t.Context(), "payments", k)
		if err != nil {
			t.Fatal(err)
		}
		want, err := w.Get("payments", k.String())
		if err != nil || string(r.Data) != string(want) {
			t.Errorf("got %s, want %s (%v)", r.Data, want, err)
		}
		if r.Version == 0 || string(r.Key) != string(k) || r.Hash == [16]byte{} {
			t.Errorf("%+v", r)
		}
	}
	if _, err := w.src.Fetch(t.Context(), "payments", keyOf("pay_none")); !errors.Is(err, syncline.ErrGone) {
		t.Errorf("got %v", err)
	}
	for _, evil := range []string{"../customers", "..", ".", "", "a/b", "x?y=1", "x#y", "%2e%2e"} {
		if _, err := w.src.Fetch(t.Context(), "payments", keyOf(evil)); err == nil {
			t.Errorf("key %q was fetched", evil)
		}
	}
	if _, err := w.src.Fetch(t.Context(), "payouts", keyOf("x")); syncline.CodeOf(err) != syncline.CodeConfigInvalid {
		t.Errorf("got %v", err)
	}
}
