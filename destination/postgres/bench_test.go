package postgres

import (
	"testing"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/destination/desttest"
	"github.com/synclinehq/syncline/internal/testserver"
)

func BenchmarkWrite(b *testing.B) {
	pg := testserver.StartPostgres(b, testserver.Options{Durable: true, Settings: map[string]string{"shared_buffers": "256MB", "max_wal_size": "4GB"}})
	desttest.Benchmark(b, func(b testing.TB) syncline.Destination {
		d, err := Open(b.Context(), Options{URI: pg.NewDatabase(b)})
		if err != nil {
			b.Fatal(err)
		}
		return d
	})
}
