package rest_test

import (
	"testing"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/sandbox/dodo"
	"github.com/synclinehq/syncline/source/sourcetest"
)

func TestConformance(t *testing.T) {
	for _, stream := range []string{"payments", "license_key_instances", "payouts"} {
		for _, order := range []dodo.Order{dodo.NewestFirst, dodo.Shuffled} {
			t.Run(stream+"/"+string(order), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t, dodo.Options{Counts: map[string]int{stream: 1700}, Order: order}, nil)
				h := sourcetest.Harness{
					New:    func(t testing.TB) syncline.Source { return w.source(t) },
					Stream: stream,
					Keys: func() []string {
						var keys []string
						for id := range w.Truth(stream) {
							keys = append(keys, id)
						}
						return keys
					},
					Missing: keyOf("no_such_id"),
				}
				if stream == "payments" {
					h.Change = func(t testing.TB) string {
						id, _, err := w.Create(stream, nil)
						if err != nil {
							t.Fatal(err)
						}
						return id
					}
				}
				sourcetest.Run(t, h)
			})
		}
	}
}
