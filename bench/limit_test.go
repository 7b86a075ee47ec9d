package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// wire is a payment as the standard library reads it.
type wire struct {
	ID              string          `json:"payment_id"`
	BrandID         string          `json:"brand_id"`
	Currency        string          `json:"currency"`
	Provider        string          `json:"payment_provider"`
	Status          *string         `json:"status"`
	CardLastFour    *string         `json:"card_last_four"`
	CardNetwork     *string         `json:"card_network"`
	DisputeStatus   *string         `json:"dispute_status"`
	InvoiceID       *string         `json:"invoice_id"`
	InvoiceURL      *string         `json:"invoice_url"`
	Method          *string         `json:"payment_method"`
	MethodType      *string         `json:"payment_method_type"`
	RefundStatus    *string         `json:"refund_status"`
	SubscriptionID  *string         `json:"subscription_id"`
	Customer        json.RawMessage `json:"customer"`
	Metadata        json.RawMessage `json:"metadata"`
	SubscriptionIDs json.RawMessage `json:"subscription_ids"`
	CreatedAt       time.Time       `json:"created_at"`
	TotalAmount     int64           `json:"total_amount"`
	Delivered       bool            `json:"digital_products_delivered"`
	LicenceKey      bool            `json:"has_license_key"`
	Multi           bool            `json:"is_multi_subscription"`
}

func (p *payment) wire() wire {
	text := func(b []byte) *string {
		if b == nil {
			return nil
		}
		s := string(b)
		return &s
	}
	return wire{string(p.id), string(p.brandID), string(p.currency), string(p.provider), text(p.status), text(p.cardLastFour),
		text(p.cardNetwork), text(p.disputeStatus), text(p.invoiceID), text(p.invoiceURL), text(p.method), text(p.methodType),
		text(p.refundStatus), text(p.subscription), p.customer, p.metadata, p.subscriptionIDs, p.createdAt, p.totalAmount,
		p.delivered, p.licenceKey, p.multi}
}

func testBench(t testing.TB, rows int) (*bench, *api) {
	t.Helper()
	b, err := newBench(options{rows: rows, workers: sourceConcurrency, postgres: os.Getenv("SYNCLINE_TEST_POSTGRES"), dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.close)
	a, err := b.startSandbox(context.Background(), rows, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(a.stop)
	return b, a
}

// samplePages are some pages of the sandbox.
func samplePages(t testing.TB, rows int) (pages [][]byte) {
	t.Helper()
	_, a := testBench(t, rows)
	p := pageReader{url: a.url, rows: rows, workers: 1}
	err := p.each(context.Background(), func(_ context.Context, _ int, body []byte) error {
		pages = append(pages, append([]byte(nil), body...))
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return pages
}

// TestDecodeAgreesWithStandardLibrary: a limit program that skips work would
// set the bar too high, one that gets it wrong would not be a limit.
func TestDecodeAgreesWithStandardLibrary(t *testing.T) {
	var d pageDecoder
	for _, page := range samplePages(t, 250) {
		var want struct{ Items []wire }
		if err := json.Unmarshal(page, &want); err != nil {
			t.Fatal(err)
		}
		rows, err := d.decode(page)
		if err != nil {
			t.Fatal(err)
		}
		var got []wire
		for i := range rows {
			got = append(got, rows[i].wire())
		}
		if diff := cmp.Diff(want.Items, got); diff != "" {
			t.Fatal(diff)
		}
	}
}

// TestLimitProgramsStoreEveryValue compares what the limit programs stored with
// the pages.
func TestLimitProgramsStoreEveryValue(t *testing.T) {
	const rows = 12345 // more than one merge, and a short last page
	b, a := testBench(t, rows)
	want := map[string]int64{}
	p := pageReader{url: a.url, rows: rows, workers: 1}
	var d pageDecoder
	err := p.each(t.Context(), func(_ context.Context, _ int, body []byte) error {
		items, err := d.decode(body)
		for i := range items {
			items[i].tally(want)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"postgres", "sqlite"} {
		t.Run(kind, func(t *testing.T) {
			if kind == "postgres" && os.Getenv("CI") == "" {
				needPostgres(t, b)
			}
			db, err := b.newDatabase(t.Context(), kind)
			if err != nil {
				t.Fatal(err)
			}
			defer db.drop()
			if err := subcommands["limit-"+kind](t.Context(), b.bare("", a, rows, "-to", db.uri)[1:]); err != nil {
				t.Fatal(err)
			}
			if err := db.holds(t.Context(), rows); err != nil {
				t.Fatal(err)
			}
			got := map[string]int64{}
			for column := range want {
				stmt := strings.ReplaceAll(tallies[kind][column[:4]], "?", column[5:])
				if got[column], err = db.value(t.Context(), stmt); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

// tallies are the statements that give what tally counts: bytes of texts, their
// number, the sum of numbers.
var tallies = map[string]map[string]string{
	"postgres": {
		"size": "SELECT sum(octet_length(?)) FROM payments", "some": "SELECT count(?) FROM payments",
		"time": "SELECT sum((extract(epoch FROM ?) * 1000000)::bigint % 1000000007)::bigint FROM payments",
		"summ": "SELECT sum(?)::bigint FROM payments", "flag": "SELECT count(*) FROM payments WHERE ?",
		"json": "SELECT count(?) FROM payments WHERE ?::text <> 'null'",
	},
	"sqlite": {
		"size": "SELECT sum(length(CAST(? AS BLOB))) FROM payments", "some": "SELECT count(?) FROM payments",
		"time": "SELECT sum(? % 1000000007) FROM payments", "summ": "SELECT sum(?) FROM payments",
		"flag": "SELECT count(*) FROM payments WHERE ?", "json": "SELECT count(?) FROM payments WHERE json(?) <> 'null'",
	},
}

func (p *payment) tally(t map[string]int64) {
	for i, v := range p.texts() {
		if v != nil {
			t["some "+textColumns[i]]++
			t["size "+textColumns[i]] += int64(len(v))
		}
	}
	for _, c := range jsonColumns {
		t["json "+c]++
	}
	t["time created_at"] += p.createdAt.UnixMicro() % 1000000007
	t["summ total_amount"] += p.totalAmount
	for i, v := range []bool{p.delivered, p.licenceKey, p.multi} {
		if v {
			t["flag "+flagColumns[i]]++
		}
	}
}

// needPostgres skips the test where there is no server to start.
func needPostgres(t *testing.T, b *bench) {
	t.Helper()
	if err := b.startPostgres(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// BenchmarkLimitDecode compares ways to decode a page into typed structs; the
// limit programs use the fastest. Run it again with GOEXPERIMENT=jsonv2 for
// what the standard library will be.
func BenchmarkLimitDecode(b *testing.B) {
	page := samplePages(b, pageSize)[0]
	perRow := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/pageSize, "ns/row")
	}
	b.Run("jx", func(b *testing.B) {
		b.ReportAllocs()
		var d pageDecoder
		for b.Loop() {
			if rows, err := d.decode(page); err != nil || len(rows) != pageSize {
				b.Fatal(err, len(rows))
			}
		}
		perRow(b)
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var v struct{ Items []wire }
			if err := json.Unmarshal(page, &v); err != nil || len(v.Items) != pageSize {
				b.Fatal(err, len(v.Items))
			}
		}
		perRow(b)
	})
}

// TestNumbers: a table that rounds wrongly would claim what was not measured.
func TestNumbers(t *testing.T) {
	for v, want := range map[float64]string{
		0: "0", 7: "7", 0.5994: "0.599", 0.01234: "0.0123", 12.345: "12.3", 99.96: "100.0", 100.4: "100", 1234.5: "1,234", 1234567: "1,234,567",
	} {
		if got := number(v); got != want {
			t.Errorf("%v: got %s, want %s", v, got, want)
		}
	}
	if got := spread([]float64{3, 1, 2}); got != "2 (1-3)" {
		t.Errorf("got %s", got)
	}
	if got := median([]float64{4, 1, 2, 3}); got != 2.5 {
		t.Errorf("got %v", got)
	}
	l := line{Limit: []float64{10, 20}, Ours: []float64{5, 20}}
	if diff := cmp.Diff([]float64{0.5, 1}, l.ratios()); diff != "" {
		t.Error(diff)
	}
}
