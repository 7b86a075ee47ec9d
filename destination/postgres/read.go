package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	syncline "github.com/synclinehq/syncline"
	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/sqltext"
)

// Hashes returns the content hash of the live row of each key.
func (d *DB) Hashes(ctx context.Context, t *syncline.Table, keys []syncline.Key) ([]batch.Hash, error) {
	out := make([]batch.Hash, len(keys))
	if len(keys) == 0 {
		return out, nil
	}
	tab, err := d.table(ctx, t)
	if err == nil {
		err = d.session(ctx, func(s *session) error { return d.hashes(ctx, s, tab, keys, out) })
	}
	return out, d.classed(err, d.schema+"."+t.Name)
}

// hashes asks for all keys in one query: one array per key column and one with
// the keys' places. LATERAL with LIMIT is for the planner, see lookup.
func (d *DB) hashes(ctx context.Context, s *session, tab *table, keys []syncline.Key, out []batch.Hash) error {
	cols := tab.Keys()
	values := make([][]string, len(cols))
	var places []int32
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
			parts[j], fits = keyText(part, cols[j].Type, fits)
		}
		if !fits {
			continue // no row can have this key
		}
		for j, part := range parts {
			values[j] = append(values[j], part)
		}
		places = append(places, int32(i))
	}
	args := []any{places}
	arrays, names, join := []string{"$1::integer[]"}, []string{"place"}, []string{}
	for j, c := range cols {
		args = append(args, values[j])
		arrays, names = append(arrays, "$"+itoa(j+2)+"::text[]"), append(names, "k"+itoa(j))
		join = append(join, "t."+sqltext.Quote(c.Name)+" = "+fromText("k.k"+itoa(j), c.Type))
	}
	rows, err := s.Query(ctx, "SELECT k.place, t._syncline_hash FROM unnest("+strings.Join(arrays, ", ")+") AS k("+strings.Join(names, ", ")+") CROSS JOIN LATERAL ("+
		"SELECT _syncline_hash, _syncline_deleted_at FROM "+d.qualified(tab.Name)+" t WHERE "+strings.Join(join, " AND ")+" LIMIT 1) t WHERE t._syncline_deleted_at IS NULL", args...)
	if err != nil {
		return err
	}
	var place int32
	var hash []byte
	_, err = pgx.ForEachRow(rows, []any{&place, &hash}, func() error {
		copy(out[place][:], hash)
		return nil
	})
	return err
}

// keyText returns a part of a key in the text the server reads for the type,
// and whether that is possible and so was ok before.
func keyText(part string, t batch.Type, ok bool) (string, bool) {
	switch t {
	case batch.Int64:
		_, err := strconv.ParseInt(part, 10, 64)
		return part, ok && err == nil
	case batch.Bool:
		return part, ok && (part == "true" || part == "false")
	case batch.Float64, batch.Decimal:
		_, err := strconv.ParseFloat(part, 64)
		return part, ok && err == nil
	case batch.Time:
		_, err := time.Parse(time.RFC3339Nano, part)
		return part, ok && err == nil
	case batch.Date:
		_, err := time.Parse(time.DateOnly, part)
		return part, ok && err == nil
	case batch.Bytes:
		return fmt.Sprintf("%x", part), ok
	}
	return part, ok && utf8.ValidString(part) && !strings.Contains(part, "\x00")
}

func fromText(name string, t batch.Type) string {
	switch t {
	case batch.String:
		return name
	case batch.Bytes:
		return "decode(" + name + ", 'hex')"
	}
	return name + "::" + columnTypes[t]
}

// toText is the inverse: a key column as a part of a key.
func toText(name string, t batch.Type) string {
	switch t {
	case batch.String, batch.Bytes:
		return name
	case batch.Time:
		return "to_char(" + name + ` AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
	}
	return name + "::text"
}

// Keys calls yield for every live row.
func (d *DB) Keys(ctx context.Context, t *syncline.Table, yield func(syncline.RowKey) error) error {
	tab, err := d.table(ctx, t)
	if err != nil {
		return d.classed(err, d.schema+"."+t.Name)
	}
	cols := tab.Keys()
	list := ""
	for _, c := range cols {
		list += ", " + toText(sqltext.Quote(c.Name), c.Type)
	}
	sql := "SELECT coalesce(_syncline_version, 0), coalesce(_syncline_tie, 0), _syncline_hash" + list + " FROM " + d.qualified(tab.Name) + " WHERE _syncline_deleted_at IS NULL"
	err = d.session(ctx, func(s *session) error {
		rows, err := s.Query(ctx, sql)
		if err != nil {
			return err
		}
		var row syncline.RowKey
		var hash []byte
		parts := make([][]byte, len(cols))
		into := []any{&row.Version, &row.Tie, &hash}
		for j := range parts {
			into = append(into, &parts[j])
		}
		_, err = pgx.ForEachRow(rows, into, func() error {
			row.Hash = batch.Hash{}
			copy(row.Hash[:], hash)
			row.Key = row.Key[:0]
			for _, part := range parts {
				row.Key = batch.AppendKeyPart(row.Key, part)
			}
			return yield(row)
		})
		return err
	})
	return d.classed(err, d.schema+"."+tab.Name)
}

// Count returns the number of live rows.
func (d *DB) Count(ctx context.Context, t *syncline.Table) (n int, err error) {
	tab, err := d.table(ctx, t)
	if err == nil {
		err = d.session(ctx, func(s *session) error {
			return s.QueryRow(ctx, "SELECT count(*) FROM "+d.qualified(tab.Name)+" WHERE _syncline_deleted_at IS NULL").Scan(&n)
		})
	}
	return n, d.classed(err, d.schema+"."+t.Name)
}
