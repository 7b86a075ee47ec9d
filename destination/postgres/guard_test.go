package postgres

import (
	"fmt"
	"testing"
	"time"

	syncline "github.com/synclinehq/syncline"
)

// TestGuardIsInTheStatement: someone else's newer row is committed while our
// statement, which has seen the old one, waits for it. The newer row stays, the
// write fails for now, and sending it again finds it superseded.
func TestGuardIsInTheStatement(t *testing.T) {
	f := prepared(t, Options{})
	for range 2 {
		if _, err := f.d.Write(t.Context(), f.table, f.batch(1, "a"), f.at); err != nil {
			t.Fatal(err)
		}
	}
	written := make(chan error, 1)
	err := f.d.session(t.Context(), func(s *session) error {
		_, err := s.transaction(t.Context(), func() error {
			if _, err := s.Exec(t.Context(), "UPDATE items SET _syncline_version = 9, n = 99 WHERE id = 'a'"); err != nil {
				return err
			}
			go func() {
				_, err := f.d.Write(t.Context(), f.table, f.batch(5, "a"), f.at)
				written <- err
			}()
			for waiting := 0; waiting == 0; time.Sleep(time.Millisecond) {
				select {
				case err := <-written:
					return fmt.Errorf("the write did not wait: %w", err)
				default:
				}
				if _, err := s.Exec(t.Context(), "SELECT pg_stat_clear_snapshot()"); err != nil {
					return err
				}
				if err := s.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()").Scan(&waiting); err != nil {
					return err
				}
			}
			return nil
		})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := <-written; err == nil || syncline.ClassOf(err) != syncline.Transient {
		t.Errorf("write that lost a race: %v", err)
	}
	if got := f.db.Query(t, "SELECT n, _syncline_version FROM items"); fmt.Sprint(got) != "[[99 9]]" {
		t.Errorf("row %v", got)
	}
	if r, err := f.d.Write(t.Context(), f.table, f.batch(5, "a"), f.at); err != nil || r.Superseded != 1 {
		t.Error(r, err)
	}
}
