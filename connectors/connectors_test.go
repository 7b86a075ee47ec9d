package connectors

import (
	"bytes"
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/synclinehq/syncline/source/rest"
)

// TestSchemaIsCurrent fails when the connector language has changed and
// connector.schema.json has not. SYNCLINE_UPDATE=1 rewrites it.
func TestSchemaIsCurrent(t *testing.T) {
	const name = "connector.schema.json"
	want := rest.JSONSchema()
	if os.Getenv("SYNCLINE_UPDATE") != "" {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the Go types say; run the test with SYNCLINE_UPDATE=1", name)
	}
}

func TestDodo(t *testing.T) {
	began := time.Now()
	c, err := rest.Load("dodo.yaml", dodoYAML)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("loaded in %v", time.Since(began))
	if got := c.DefaultStreams(); !slices.Equal(got, []string{"payments", "customers", "subscriptions", "license_keys"}) {
		t.Errorf("default streams %v", got)
	}
	src, err := rest.New(Dodo(), rest.Options{Secrets: map[string]string{"api_key": "k"}})
	if err != nil {
		t.Fatal(err)
	}
	if src.Name() != "dodo/test_mode" {
		t.Errorf("name %s", src.Name())
	}
	streams, err := src.Streams(context.Background())
	if err != nil || len(streams) < 35 {
		t.Fatalf("%d streams, %v", len(streams), err)
	}
	for _, s := range streams {
		for shape, sch := range s.Schemas {
			if len(sch.Keys()) != len(c.Stream(s.Name).Key) {
				t.Errorf("%s %s: keys %v", s.Name, shape, sch.Keys())
			}
		}
	}
}

func BenchmarkLoadDodo(b *testing.B) {
	for range b.N {
		if _, err := rest.Load("dodo.yaml", dodoYAML); err != nil {
			b.Fatal(err)
		}
	}
}
