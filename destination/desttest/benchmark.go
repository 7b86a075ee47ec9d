package desttest

import (
	"testing"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
)

// Benchmark measures Write with payments of 22 columns in batches of 5,000 new
// rows, and with every row changed, and with none. An iteration is a batch; the
// table grows to 200,000 rows and is then begun anew.
func Benchmark(b *testing.B, open func(testing.TB) syncline.Destination) {
	const rows, limit = 5000, 200_000
	b.Run("new", func(b *testing.B) {
		in := batch.New(PaymentSchema())
		var f *bench
		n := 0
		b.ReportAllocs()
		for b.Loop() {
			b.StopTimer()
			if n%limit == 0 {
				f = newBench(b, open(b))
			}
			in.Reset()
			Payments(in, n, rows, 1)
			n += rows
			b.StartTimer()
			if r := f.write(in); r.Inserted != rows {
				b.Fatalf("%+v", r)
			}
		}
		b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
	})
	for _, c := range []struct {
		name string
		step int64
	}{{"changed", 1}, {"unchanged", 0}} {
		b.Run(c.name, func(b *testing.B) {
			f := newBench(b, open(b))
			in := batch.New(PaymentSchema())
			version := int64(1)
			Payments(in, 0, rows, version)
			f.write(in)
			for b.Loop() {
				b.StopTimer()
				version += c.step
				in.Reset()
				Payments(in, 0, rows, version)
				b.StartTimer()
				if r := f.write(in); int64(r.Updated) != c.step*rows {
					b.Fatalf("%+v", r)
				}
			}
			b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
		})
	}
	b.Run("hashes100", func(b *testing.B) {
		f := newBench(b, open(b))
		in := batch.New(PaymentSchema())
		Payments(in, 0, rows, 1)
		f.write(in)
		var keys []syncline.Key
		for i := range 100 {
			keys = append(keys, in.AppendKey(nil, i*7))
		}
		for b.Loop() {
			h, err := f.d.Hashes(b.Context(), f.table, keys)
			if err != nil || h[99] != in.Meta(99*7).Hash {
				b.Fatal(err, h[99])
			}
		}
	})
}

type bench struct {
	b     *testing.B
	d     syncline.Destination
	table *syncline.Table
	at    syncline.Checkpoint
}

func newBench(b *testing.B, d syncline.Destination) *bench {
	b.Helper()
	b.Cleanup(func() { _ = d.Close() })
	ctx := b.Context()
	state, err := d.Attach(ctx, "bench", "payments", "journal")
	if err != nil {
		b.Fatal(err)
	}
	f := &bench{b: b, d: d, table: &syncline.Table{Stream: "payments", Name: "payments", Layout: syncline.LayoutColumns, Schema: PaymentSchema()}}
	if err := d.Prepare(ctx, f.table, state); err != nil {
		b.Fatal(err)
	}
	f.at = syncline.Checkpoint{Pipeline: "bench", Stream: "payments", Journal: "journal", Epoch: state.Epoch, Run: "run", At: time.Unix(1_790_000_000, 0).UTC()}
	return f
}

func (f *bench) write(in *batch.Batch) syncline.WriteResult {
	f.at.Through++
	r, err := f.d.Write(f.b.Context(), f.table, in, f.at)
	if err != nil {
		f.b.Fatal(err)
	}
	return r
}
