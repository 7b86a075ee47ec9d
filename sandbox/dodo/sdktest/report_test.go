package sdktest

import (
	"bytes"
	"encoding/json"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/synclinehq/syncline/sandbox/dodo"
)

// input is what a reader gets on stdin.
type input struct {
	BaseURL    string    `json:"base_url"`
	Key        string    `json:"key"`
	PageSize   int       `json:"page_size"`
	WebhookKey string    `json:"webhook_key"`
	CheckoutID string    `json:"checkout_id"` // an object that no list has
	Webhooks   []webhook `json:"webhooks"`
}

// webhook is a webhook as it arrived.
type webhook struct {
	Headers map[string]string `json:"headers"`
	Body    string            `json:"body"`
}

// report is what a reader writes to stdout.
type report struct {
	// Lists has the rows of each list in the order read, by the sandbox's name
	// of the entity. A second way to read the same has "@" and a word after it.
	Lists map[string][]json.RawMessage `json:"lists"`
	// Details has one object of each get-by-id, named likewise.
	Details map[string]json.RawMessage `json:"details"`
	// WithoutPageNumber is /payments, read without giving a page number.
	WithoutPageNumber []json.RawMessage `json:"without_page_number"`
	// Webhooks are the verified webhooks in the order given.
	Webhooks []json.RawMessage `json:"webhooks"`
	// Problems is what the library took but did not understand.
	Problems []string `json:"problems"`
}

// unlisted are the entities that the API has no list of.
var unlisted = []string{"checkouts", "abandoned_checkouts", "dunning_attempts", "credit_alerts"}

// twice are the lists of one entity by either of its owners.
var twice = []string{"entitlement_grants@customer", "entitlement_grants@entitlement"}

// identities are the identity fields of the objects with a get-by-id.
var identities = map[string]string{
	"payments": "payment_id", "subscriptions": "subscription_id", "customers": "customer_id", "license_keys": "id",
	"license_key_instances": "id", "refunds": "refund_id", "disputes": "dispute_id", "products": "product_id",
	"addons": "id", "discounts": "discount_id", "discounts@code": "discount_id", "brands": "brand_id", "meters": "id",
	"events": "event_id", "entitlements": "id", "credit_entitlements": "id", "product_collections": "id",
	"checkouts": "id", "localized_prices": "id", "credit_balances": "id", "blocklist": "id", "webhooks": "id",
}

// checkLists compares every list with what the sandbox holds, whole rows and
// how often each was seen. The names without are not in the library.
func checkLists(t *testing.T, s *dodo.Server, got map[string][]json.RawMessage, without []string) {
	t.Helper()
	want := append([]string{"webhooks"}, twice...)
	for _, name := range dodo.Entities() {
		if name != "entitlement_grants" && !slices.Contains(unlisted, name) && !slices.Contains(without, name) {
			want = append(want, name)
		}
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Fatalf("lists read (-want +got):\n%s", diff)
	}
	for name, rows := range got {
		entity, _, _ := strings.Cut(name, "@")
		if entity == "webhooks" {
			continue
		}
		truth := []string{}
		for _, row := range s.Truth(entity) {
			truth = append(truth, canonical(t, row))
		}
		if len(truth) == 0 {
			t.Errorf("%s: the sandbox has none, which proves nothing", entity)
		}
		read := []string{}
		for _, row := range rows {
			read = append(read, canonical(t, row))
		}
		slices.Sort(truth)
		slices.Sort(read)
		if diff := cmp.Diff(truth, read); diff != "" {
			t.Errorf("%s: %d rows read of %d (-sandbox +read):\n%s", name, len(read), len(truth), diff)
		}
	}
}

// checkDetails looks for one object of each get-by-id, under an id the sandbox
// has.
func checkDetails(t *testing.T, s *dodo.Server, got map[string]json.RawMessage, endpoints, without []string) {
	t.Helper()
	want := slices.DeleteFunc(slices.Sorted(maps.Keys(identities)), func(name string) bool { return slices.Contains(without, name) })
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(got))); diff != "" {
		t.Errorf("objects read (-want +got):\n%s", diff)
	}
	for name, object := range got {
		entity, _, _ := strings.Cut(name, "@")
		ids := endpoints
		if entity != "webhooks" {
			ids = nil
			for id := range s.Truth(entity) {
				ids = append(ids, id)
			}
		}
		if id := field(t, object, identities[name]); !slices.Contains(ids, id) {
			t.Errorf("%s: no object of the sandbox: %s", name, object)
		}
	}
}

// checkMissedPage asserts the libraries' known fault: given no page number,
// their pagers never ask for page 1, so its rows are missing.
func checkMissedPage(t *testing.T, got, all []json.RawMessage) {
	t.Helper()
	want := slices.Delete(slices.Clone(all), pageSize, 2*pageSize)
	if diff := cmp.Diff(fields(t, want, "payment_id"), fields(t, got, "payment_id")); diff != "" {
		t.Errorf("payments read without a page number (-all but page 1, +read):\n%s", diff)
	}
}

func checkWebhooks(t *testing.T, sent []webhook, got []json.RawMessage) {
	t.Helper()
	if len(got) != len(sent) {
		t.Fatalf("%d webhooks verified of %d", len(got), len(sent))
	}
	for i := range sent {
		if diff := cmp.Diff(canonical(t, []byte(sent[i].Body)), canonical(t, got[i])); diff != "" {
			t.Errorf("webhook %d (-sent +read):\n%s", i, diff)
		}
	}
}

// presigned is the part of a link that differs on every read.
var presigned = regexp.MustCompile(`X-Signature=[0-9a-f]+`)

// canonical is an object with sorted keys, its numbers as they were written.
func canonical(t *testing.T, object []byte) string {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(presigned.ReplaceAll(object, []byte("X-Signature="))))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, object)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func field(t *testing.T, object []byte, name string) string {
	t.Helper()
	return fields(t, []json.RawMessage{object}, name)[0]
}

// fields returns one text field of every row.
func fields(t *testing.T, rows []json.RawMessage, name string) []string {
	t.Helper()
	var out []string
	for _, row := range rows {
		var object map[string]any
		if err := json.Unmarshal(row, &object); err != nil {
			t.Fatal(err)
		}
		text, ok := object[name].(string)
		if !ok {
			t.Fatalf("no text in %s of %s", name, row)
		}
		out = append(out, text)
	}
	return out
}
