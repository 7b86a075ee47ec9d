package batch

import (
	"crypto/sha256"
	"testing"
)

func perRecord(b *testing.B, rows int) {
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(rows), "ns/record")
}

func BenchmarkScan(b *testing.B) {
	const rows = 100
	page := paymentPage(rows)
	s := NewScanner(paymentSpec())
	var recs []Record
	b.SetBytes(int64(len(page)))
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if recs, err = s.Scan(recs[:0], page); err != nil || len(recs) != rows || recs[0].Err != nil {
			b.Fatal(err, len(recs))
		}
	}
	perRecord(b, rows)
}

// BenchmarkScanFloor is the hashing alone, which Scan cannot beat.
func BenchmarkScanFloor(b *testing.B) {
	rec := []byte(payment(7))
	b.ReportMetric(float64(len(rec)), "bytes")
	for b.Loop() {
		sha256.Sum256(rec)
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, s := range map[string]*Schema{
		"declared": paymentSchema(),
		"inferred": {Fields: paymentSchema().Fields[:1:1]},
	} {
		b.Run(name, func(b *testing.B) {
			const rows = 100
			var objs [][]byte
			for i := range rows {
				objs = append(objs, []byte(payment(i)))
			}
			ba := New(s)
			d := NewDecoder(ba, Policy{})
			b.SetBytes(int64(len(objs[0]) * rows))
			b.ReportAllocs()
			for b.Loop() {
				ba.Reset()
				for i := range objs {
					if _, err := d.Decode(objs[i], Meta{Version: 1}); err != nil {
						b.Fatal(err)
					}
				}
			}
			perRecord(b, rows)
		})
	}
}

func BenchmarkDecodeDocument(b *testing.B) {
	ba := New(&Schema{Fields: paymentSchema().Fields[:1:1]})
	d := NewDecoder(ba, Policy{Document: "data"})
	obj := []byte(payment(1))
	b.ReportAllocs()
	for b.Loop() {
		if ba.Len() == 1000 {
			ba.Reset()
		}
		if _, err := d.Decode(obj, Meta{}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCollapse(b *testing.B) {
	const rows = 1000
	ba := New(paymentSchema())
	d := NewDecoder(ba, Policy{})
	for i := range rows {
		if _, err := d.Decode([]byte(payment(i)), Meta{}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	for b.Loop() {
		if out, _, _ := ba.Collapse(); out != ba {
			b.Fatal("rows collapsed")
		}
	}
	perRecord(b, rows)
}
