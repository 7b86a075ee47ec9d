package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
)

func files(t *testing.T, dir string) (names []string) {
	t.Helper()
	all, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range all {
		names = append(names, f.Name())
	}
	return names
}

// TestReadOnlyMakesNothing: before the first run there is nothing to see, and
// looking leaves nothing behind.
func TestReadOnlyMakesNothing(t *testing.T) {
	dir := t.TempDir()
	table := &syncline.Table{Stream: "s", Name: "items"}
	empty := filepath.Join(dir, "empty.db")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{filepath.Join(dir, "none.db"), empty} {
		d, err := Open(t.Context(), Options{Path: path, ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Check(t.Context()); err != nil {
			t.Error(err)
		}
		if l, err := d.DeadLetters(t.Context(), "p", 0); err != nil || l != nil {
			t.Error(l, err)
		}
		if _, err := d.Count(t.Context(), table); syncline.CodeOf(err) != syncline.CodeTableMissing {
			t.Error(err)
		}
		if _, err := d.Attach(t.Context(), "p", "s", "j"); syncline.CodeOf(err) != syncline.CodeDestPermission {
			t.Error(err)
		}
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	}
	if got := files(t, dir); len(got) != 1 {
		t.Errorf("files %q", got)
	}
	if info, err := os.Stat(empty); err != nil || info.Size() != 0 {
		t.Error("the empty file was written", err)
	}
}

func TestReadOnlyReads(t *testing.T) {
	f := prepared(t, Options{}, batch.Int64)
	f.at.Dead = []syncline.DeadLetter{{ID: "1", Pipeline: "p"}}
	if _, err := f.d.Write(t.Context(), f.table, f.batch(1, 3), f.at); err != nil {
		t.Fatal(err)
	}
	d, err := Open(t.Context(), Options{Path: f.db.path, ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if n, err := d.Count(t.Context(), f.table); n != 3 || err != nil {
		t.Error(n, err)
	}
	if l, err := d.DeadLetters(t.Context(), "p", 0); err != nil || len(l) != 1 {
		t.Error(l, err)
	}
	for name, err := range map[string]error{
		"prepare": d.Prepare(t.Context(), f.table, f.state), "drop": d.Drop(t.Context(), "p", "s", f.table), "write": func() error {
			_, err := d.Write(t.Context(), f.table, nil, f.at)
			return err
		}(),
	} {
		if syncline.CodeOf(err) != syncline.CodeDestPermission {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCheck(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(text, append([]byte("no database"), make([]byte, 4096)...), 0o600); err != nil {
		t.Fatal(err)
	}
	locked := filepath.Join(dir, "locked")
	if err := os.Mkdir(locked, 0o500); err != nil {
		t.Fatal(err)
	}
	cases := map[string]syncline.Code{
		filepath.Join(dir, "none", "x.db"): syncline.CodeConfigInvalid, text: syncline.CodeConfigInvalid, dir: syncline.CodeDestPermission,
	}
	if os.Getuid() != 0 { // whom nothing is forbidden
		cases[filepath.Join(locked, "x.db")] = syncline.CodeDestPermission
	}
	for path, code := range cases {
		d, err := Open(t.Context(), Options{Path: path, ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Check(t.Context()); syncline.CodeOf(err) != code {
			t.Errorf("%s: %v", path, err)
		}
		d.Close()
	}
	d := open(t, filepath.Join(dir, "x.db"))
	defer d.Close()
	if err := d.Check(t.Context()); err != nil {
		t.Error(err)
	}
}
