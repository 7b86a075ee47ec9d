package journaltest

import (
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/synclinehq/syncline"
)

// Benchmark measures appending and reading.
func Benchmark(b *testing.B, h Harness) {
	open := func(b *testing.B) syncline.Journal {
		j, err := h.Open(b.TempDir(), time.Now)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = j.Close() })
		return j
	}
	for _, goroutines := range []int{1, 4, 64} {
		b.Run(fmt.Sprintf("AppendPages/%d", goroutines), func(b *testing.B) { benchPages(b, open(b), goroutines) })
		b.Run(fmt.Sprintf("AppendEvents/%d", goroutines), func(b *testing.B) { benchEvents(b, open(b), goroutines) })
	}
	b.Run("CursorUnchanged", func(b *testing.B) {
		j := open(b)
		for b.Loop() {
			if err := j.Append(ctx, nil, cursor("payments", `{"watermark":"2026-03-01T10:00:00Z"}`)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ReadTail", func(b *testing.B) { benchRead(b, open(b)) })
	b.Run("ReadStored", func(b *testing.B) {
		dir := b.TempDir()
		j, err := h.Open(dir, time.Now)
		if err == nil {
			err = fillPages(j, 100, block())
		}
		if err == nil {
			err = j.Close()
		}
		if err == nil {
			j, err = h.Open(dir, time.Now)
		}
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = j.Close() })
		benchStored(b, j)
	})
}

// block returns a block of 100 records like those of a payments listing, about
// 59 KB.
func block() []byte {
	r := rand.New(rand.NewPCG(1, 2))
	recs := make([]syncline.Record, 100)
	for i := range recs {
		r.Uint64()
		recs[i] = syncline.Record{Key: fmt.Appendf(nil, "\x14pay_%020x", r.Uint64()), Version: int64(r.Uint64() >> 12),
			Data: fmt.Appendf(nil, `{"brand_id":"bus_Ng9MApbNlcn2M3oWJjp7K","business_id":"bus_Ng9MApbNlcn2M3oWJjp7K","created_at":"2026-%02d-%02dT%02d:%02d:%02d.%06dZ","currency":"USD","customer":{"customer_id":"cus_%020x","email":"user%d@example.com","metadata":{},"name":"Customer Name %d","phone_number":null},"digital_products_delivered":false,"has_license_key":false,"invoice_id":"inv_%020x","invoice_url":"https://test.example.com/invoices/payments/pay_%020x","metadata":{"order":"%d"},"payment_id":"pay_%020x","payment_method":"card","payment_method_type":null,"status":"succeeded","subscription_id":null,"total_amount":%d}`,
				r.IntN(12)+1, r.IntN(28)+1, r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000000), r.Uint64(), r.IntN(100000),
				r.IntN(10000), r.Uint64(), r.Uint64(), r.IntN(1000000), r.Uint64(), r.IntN(100000))}
		for k := range recs[i].Hash {
			recs[i].Hash[k] = byte(r.Uint32())
		}
	}
	return syncline.AppendBlock(nil, recs)
}

// inParallel shares b.N calls among goroutines.
func inParallel(b *testing.B, goroutines int, f func(g, i int) error) {
	var wg sync.WaitGroup
	b.ResetTimer()
	for g := range goroutines {
		wg.Go(func() {
			for i := g; i < b.N; i += goroutines {
				if err := f(g, i); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "appends/s")
}

func benchPages(b *testing.B, j syncline.Journal, goroutines int) {
	blk := block()
	b.SetBytes(int64(len(blk)))
	b.ReportAllocs()
	inParallel(b, goroutines, func(g, i int) error {
		e := &syncline.Entry{Source: "dodo/test_mode", Stream: fmt.Sprint("stream", g%4), Kind: syncline.KindPage,
			Shape: syncline.ShapeList, ReceivedAt: time.Now(), Records: 100, Block: blk}
		return j.Append(ctx, []*syncline.Entry{e}, cursor(e.Stream, fmt.Sprintf(`{"page":%d}`, i)))
	})
}

func benchEvents(b *testing.B, j syncline.Journal, goroutines int) {
	blk := block()[:600]
	body := blk[:580]
	b.ReportAllocs()
	inParallel(b, goroutines, func(g, i int) error {
		return j.Append(ctx, []*syncline.Entry{{Source: "dodo/test_mode", Stream: "payments", Kind: syncline.KindEvent,
			Shape: syncline.ShapeDetail, EventID: fmt.Sprintf("msg_%022d", i), ReceivedAt: time.Now(), Records: 1, Block: blk, Body: body}})
	})
}

func fillPages(j syncline.Journal, n int, blk []byte) error {
	for range n {
		e := &syncline.Entry{Source: "dodo/test_mode", Stream: "payments", Kind: syncline.KindPage, ReceivedAt: time.Now(), Records: 100, Block: blk}
		if err := j.Append(ctx, []*syncline.Entry{e}); err != nil {
			return err
		}
	}
	return nil
}

func benchRead(b *testing.B, j syncline.Journal) {
	if err := fillPages(j, 100, block()); err != nil {
		b.Fatal(err)
	}
	benchStored(b, j)
}

func benchStored(b *testing.B, j syncline.Journal) {
	var after syncline.Position
	size := 0
	for b.Loop() {
		es, err := j.Read(ctx, "payments", after, 1<<20)
		if err != nil {
			b.Fatal(err)
		}
		if after = 0; len(es) > 0 {
			after = es[len(es)-1].Position
		}
		for _, e := range es {
			size += len(e.Block)
		}
	}
	b.ReportMetric(float64(size)/1e6/b.Elapsed().Seconds(), "MB/s")
}
