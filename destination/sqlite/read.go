package sqlite

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/ledger"
	"github.com/synclinehq/syncline/internal/sqltext"
)

// Hashes returns the content hash of the live row of each key.
func (d *DB) Hashes(ctx context.Context, t *syncline.Table, keys []syncline.Key) ([]batch.Hash, error) {
	out := make([]batch.Hash, len(keys))
	tab, err := d.table(ctx, t)
	if err == nil {
		err = d.reading(ctx, func(c *conn) error { return hashes(c, tab, keys, out) })
	}
	return out, d.classed(err, t.Name)
}

// hashes looks keys up one by one with one prepared statement, in one snapshot.
func hashes(c *conn, tab *table, keys []syncline.Key, out []batch.Hash) error {
	cols := tab.Keys()
	var match []string
	for _, k := range cols {
		match = append(match, sqltext.Quote(k.Name)+" = ?")
	}
	s, err := c.prepare("SELECT _syncline_hash FROM " + sqltext.Quote(tab.Name) + " WHERE " + strings.Join(match, " AND ") + " AND _syncline_deleted_at IS NULL")
	if err != nil {
		return err
	}
	if err := c.exec("BEGIN"); err != nil {
		return err
	}
	defer c.rollback()
	for i, key := range keys {
		parts, err := key.Parts()
		if err != nil {
			return err
		}
		if len(parts) != len(cols) {
			return fmt.Errorf("key %s has %d parts, the table's key has %d columns", key, len(parts), len(cols))
		}
		fits := true
		for j, part := range parts {
			v, ok := keyValue(part, cols[j].Type)
			if fits = fits && ok; ok {
				if err := s.bind(j+1, v); err != nil {
					return err
				}
			}
		}
		if !fits {
			continue // no row can have this key
		}
		more, err := s.step()
		if err == nil && more {
			copy(out[i][:], s.bytes(0))
		}
		s.reset()
		if err != nil {
			return err
		}
	}
	return nil
}

// keyValue returns a part of a key as its column holds it.
func keyValue(part string, t batch.Type) (any, bool) {
	switch t {
	case batch.Int64:
		v, err := strconv.ParseInt(part, 10, 64)
		return v, err == nil
	case batch.Bool:
		if part == "true" {
			return int64(1), true
		}
		return int64(0), part == "false"
	case batch.Float64:
		v, err := strconv.ParseFloat(part, 64)
		return v, err == nil
	case batch.Bytes:
		return []byte(part), true
	case batch.Time:
		at, err := time.Parse(time.RFC3339Nano, part)
		return ledger.Time(at), err == nil
	}
	return part, true
}

// Keys calls yield for every live row.
func (d *DB) Keys(ctx context.Context, t *syncline.Table, yield func(syncline.RowKey) error) error {
	tab, err := d.table(ctx, t)
	if err != nil {
		return d.classed(err, t.Name)
	}
	cols := tab.Keys()
	err = d.reading(ctx, func(c *conn) error {
		sql := "SELECT _syncline_version, _syncline_tie, _syncline_hash, " + sqltext.QuoteAll("", keyNames(cols)) +
			" FROM " + sqltext.Quote(tab.Name) + " WHERE _syncline_deleted_at IS NULL"
		var key syncline.Key
		return c.query(sql, nil, func(s *stmt) error {
			row := syncline.RowKey{Version: s.int64(0), Tie: s.int64(1)}
			copy(row.Hash[:], s.bytes(2))
			key = key[:0]
			for j := range cols {
				key = batch.AppendKeyPart(key, keyText(s, 3+j, cols[j].Type))
			}
			row.Key = key
			return yield(row)
		})
	})
	return d.classed(err, tab.Name)
}

// keyText returns a key column as a part of a key.
func keyText(s *stmt, i int, t batch.Type) []byte {
	switch t {
	case batch.Int64:
		return strconv.AppendInt(nil, s.int64(i), 10)
	case batch.Bool:
		return strconv.AppendBool(nil, s.int64(i) != 0)
	case batch.Float64:
		return strconv.AppendFloat(nil, s.float64(i), 'g', -1, 64)
	}
	return s.bytes(i)
}

// Count returns the number of live rows.
func (d *DB) Count(ctx context.Context, t *syncline.Table) (n int, err error) {
	tab, err := d.table(ctx, t)
	if err != nil {
		return 0, d.classed(err, t.Name)
	}
	table := sqltext.Quote(tab.Name)
	err = d.reading(ctx, func(c *conn) error {
		return c.query("SELECT (SELECT count(*) FROM "+table+") - (SELECT count(*) FROM "+table+" WHERE _syncline_deleted_at IS NOT NULL)", nil,
			func(s *stmt) error { n = int(s.int64(0)); return nil })
	})
	return n, d.classed(err, tab.Name)
}
