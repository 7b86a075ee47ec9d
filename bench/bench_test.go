package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/synclinehq/syncline/internal/testserver"
)

// TestMain lets the test program be the processes that a figure starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && subcommands[os.Args[1]] != nil {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestFigures runs every figure with few rows, so that none rots. It says
// nothing about speed, but the zeros of the second run must be zeros.
func TestFigures(t *testing.T) {
	if testing.Short() {
		t.Skip("builds the program and loads databases")
	}
	o := options{rows: 2000, big: 4000, repeats: 1, workers: sourceConcurrency, writers: 2, merge: 1000, settle: time.Millisecond, dir: t.TempDir(),
		postgres: testserver.Postgres(t).URI("postgres")}
	var out bytes.Buffer
	r, err := measure(t.Context(), o, figureNames(), &out)
	t.Logf("%s", out.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range r.Figures {
		for _, l := range f.Lines {
			switch {
			case len(l.Ours) != o.repeats:
				t.Errorf("%s, %s: %d values", f.Name, l.What, len(l.Ours))
			case l.Bar == "0" && l.Ours[0] != 0:
				t.Errorf("%s, %s: %v", f.Name, l.What, l.Ours[0])
			}
		}
	}
	if err := r.save(filepath.Join(t.TempDir(), "result.json")); err != nil {
		t.Fatal(err)
	}
}
