package sqlite

import (
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/mutant"
)

// errUnfit is a value that cannot be stored exactly.
var errUnfit = errors.New("the value cannot be stored")

// fixedRoom is enough for the text of any value of fixed size.
const fixedRoom = 48

// Instants outside the years 0 to 9999 have no RFC 3339 text.
const (
	minTime = -62167219200 * 1e6
	maxTime = 253402300800*1e6 - 1
	minDate = minTime / 1e6 / 86400
	maxDate = (maxTime+1)/1e6/86400 - 1
)

// bindColumns binds the first n columns of row i. The values live in the
// connection's scratch until the next call.
func (w *rowWriter) bindColumns(s *stmt, i, n int) error {
	room := n*fixedRoom + len(batch.Hash{})
	for j := range n {
		switch c := w.b.Column(j); c.Type() {
		case batch.String, batch.Bytes, batch.Decimal, batch.JSON:
			room += len(c.Bytes(i))
		}
	}
	if err := w.c.reserve(room); err != nil {
		return err
	}
	for j := range n {
		if err := w.bindColumn(s, j, i); err != nil {
			return err
		}
	}
	return nil
}

// bindColumn binds column j of row i as the table's column wants it.
func (w *rowWriter) bindColumn(s *stmt, j, i int) error {
	c, to := w.b.Column(j), w.cols[j].Type
	param, tls := int32(j+1), w.c.tls
	if c.Null(i) {
		return w.bound(s, sqlite3.Xsqlite3_bind_null(tls, s.p, param))
	}
	switch from := c.Type(); {
	case from == batch.Float64:
		v := c.Float64(i)
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return fmt.Errorf("%w: column %q: %v is not a number", errUnfit, w.cols[j].Name, v)
		}
		if to == batch.Float64 {
			return w.bound(s, sqlite3.Xsqlite3_bind_double(tls, s.p, param, v))
		}
		return w.bindText(s, param, strconv.AppendFloat(w.text[:0], v, 'g', -1, 64))
	case from == batch.Time:
		v := c.Int64(i)
		if v < minTime || v > maxTime {
			return fmt.Errorf("%w: column %q: instant outside the years 0 to 9999", errUnfit, w.cols[j].Name)
		}
		return w.bindText(s, param, batch.AppendTime(w.text[:0], v))
	case from == batch.Date:
		return w.bindDate(s, param, c.Int64(i), j)
	case from == batch.Bytes && to == batch.Bytes:
		v := c.Bytes(i)
		return w.bound(s, sqlite3.Xsqlite3_bind_blob(tls, s.p, param, w.c.keep(v), int32(len(v)), 0))
	case from == to && (from == batch.Int64 || from == batch.Bool):
		return w.bound(s, sqlite3.Xsqlite3_bind_int64(tls, s.p, param, c.Int64(i)))
	case from == batch.Int64:
		return w.bindText(s, param, strconv.AppendInt(w.text[:0], c.Int64(i), 10))
	case from == batch.Bool:
		return w.bindText(s, param, strconv.AppendBool(w.text[:0], c.Bool(i)))
	case from == batch.Decimal && mutant.On("float_money"):
		v, _ := strconv.ParseFloat(string(c.Bytes(i)), 64)
		return w.bindText(s, param, strconv.AppendFloat(w.text[:0], v, 'g', -1, 64))
	default:
		return w.bindText(s, param, c.Bytes(i))
	}
}

func (w *rowWriter) bindDate(s *stmt, param int32, days int64, j int) error {
	if days < minDate || days > maxDate {
		return fmt.Errorf("%w: column %q: date outside the years 0 to 9999", errUnfit, w.cols[j].Name)
	}
	text := time.Unix(days*86400, 0).UTC().AppendFormat(w.text[:0], time.DateOnly)
	if w.cols[j].Type == batch.Time {
		text = append(text, "T00:00:00.000000Z"...)
	}
	return w.bindText(s, param, text)
}

func (w *rowWriter) bindText(s *stmt, param int32, v []byte) error {
	return w.bound(s, sqlite3.Xsqlite3_bind_text(w.c.tls, s.p, param, w.c.keep(v), int32(len(v)), 0))
}

func (w *rowWriter) bound(s *stmt, rc int32) error {
	if rc == sqlite3.SQLITE_OK {
		return nil
	}
	return w.c.failed(rc, s.sql)
}
