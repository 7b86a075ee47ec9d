package main

import (
	"strings"
	"testing"
	"time"

	syncline "github.com/synclinehq/syncline"
)

func plainStyle() style {
	same := func(s string) string { return s }
	return style{same, same, same, same}
}

func TestReceiptBalancesVisibly(t *testing.T) {
	began := time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)
	r := &syncline.Receipt{Run: "20261121T090000Z-abcdef", Pipeline: "dodo", Source: "dodo/test_mode", Destination: "sqlite",
		Started: began, Ended: began.Add(1500 * time.Millisecond), Streams: []syncline.StreamReceipt{
			{Stream: "payments", Counts: syncline.Counts{Fetched: 12345, Inserted: 12000, Unchanged: 345}, Rows: 12000, Keys: 12345, ContentHash: syncline.Sum{1, 2, 3, 4}},
			{Stream: "customers", Counts: syncline.Counts{Fetched: 10, Carried: 2, Updated: 12}, Rows: 12, Keys: 10},
		}}
	want := `receipt 20261121T090000Z-abcdef  dodo: dodo/test_mode -> sqlite  1.5 s
  stream    fetched + carried = inserted + updated + unchanged | rows now   keys     hash
  payments   12,345 +       0 =   12,000 +       0 +       345 |   12,000 12,345 01020304
  customers      10 +       2 =        0 +      12 +         0 |       12     10 00000000
  total      12,355 +       2 =   12,000 +      12 +       345 |   12,012 12,355
green: 12,357 in, 12,357 accounted for, 12,012 rows written
`
	var b strings.Builder
	printReceipt(&b, r, plainStyle())
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", &b, want)
	}

	r.Streams[1].Counts.Updated = 11
	b.Reset()
	printReceipt(&b, r, plainStyle())
	for _, part := range []string{"2 !=        0", "RED: 12,357 in, 12,356 accounted for"} {
		if !strings.Contains(b.String(), part) {
			t.Errorf("no %q in\n%s", part, &b)
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", -1234567: "-1,234,567", 100000: "100,000"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %q", n, got)
		}
	}
}
