package batch

import (
	"fmt"
	"testing"
	"time"
)

// P-24: local times become instants by a fixed rule.
func TestDecodeLocalTimes(t *testing.T) {
	zone := func(name string) *time.Location {
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Skip(err)
		}
		return loc
	}
	ny, sh := zone("America/New_York"), zone("Asia/Shanghai")
	for _, c := range []struct {
		loc         *time.Location
		local, want string
		repairs     int
	}{
		{sh, "2026-01-02 08:00:00", "2026-01-02T00:00:00.000000Z", 0},
		{sh, "2026-01-02T08:00:00.25", "2026-01-02T00:00:00.250000Z", 0},
		{sh, "2026-01-02 08:00:00+00:00", "2026-01-02T08:00:00.000000Z", 0},
		{ny, "2026-03-08 01:59:59", "2026-03-08T06:59:59.000000Z", 0},
		{ny, "2026-03-08 02:30:00", "2026-03-08T07:30:00.000000Z", 1}, // does not exist
		{ny, "2026-03-08 03:00:00", "2026-03-08T07:00:00.000000Z", 0},
		{ny, "2026-11-01 00:59:59", "2026-11-01T04:59:59.000000Z", 0},
		{ny, "2026-11-01 01:30:00", "2026-11-01T05:30:00.000000Z", 1}, // occurs twice
		{ny, "2026-11-01 02:00:00", "2026-11-01T07:00:00.000000Z", 0},
		{ny, "2026-07-01 12:00:00", "2026-07-01T16:00:00.000000Z", 0},
	} {
		b, repairs := decodeAll(t, fields("id:int64! t:time"), Policy{Zone: c.loc}, fmt.Sprintf(`{"id":1,"t":%q}`, c.local))
		if got := b.Column(1).Text(0); got != c.want || repairs != c.repairs {
			t.Errorf("%s in %s: %s with %d repairs, want %s with %d", c.local, c.loc, got, repairs, c.want, c.repairs)
		}
	}
}
