package sqlite

import (
	"path/filepath"
	"testing"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/destination/desttest"
)

func BenchmarkWrite(b *testing.B) {
	desttest.Benchmark(b, func(b testing.TB) syncline.Destination {
		d, err := Open(b.Context(), Options{Path: filepath.Join(b.TempDir(), "data.db")})
		if err != nil {
			b.Fatal(err)
		}
		return d
	})
}
