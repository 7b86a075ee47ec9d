package postgres

import (
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/synclinehq/syncline/batch"
	"github.com/synclinehq/syncline/internal/ledger"
	"github.com/synclinehq/syncline/internal/sqltext"
)

// copier encodes rows of a batch in the binary form of COPY while they are
// being sent. It writes, for each row: its place among the rows, the columns of
// the batch as the table wants them, version, tie and hash.
type copier struct {
	b    *batch.Batch
	cols []sqltext.Column // of the table, by column of the batch; only these are sent
	rows []int            // of the batch, in the order of sending

	direct bool  // rows as the data table has them: without place, with all of ledger.Meta
	at     int64 // time of writing, for direct; microseconds since 1970

	buf           []byte
	sent          int // bytes of buf that were read
	next          int // place of the next row
	begun, closed bool
	bad           error // the row that could not be encoded
	text          []byte
}

// unfit is a row with a value the column cannot hold exactly.
type unfit struct{ reason string }

func (e *unfit) Error() string { return e.reason }

const copyBuffer = 60 << 10

var copyHeader = append([]byte("PGCOPY\n\xff\r\n\x00"), make([]byte, 8)...)

// Read implements io.Reader.
func (c *copier) Read(p []byte) (int, error) {
	if c.sent == len(c.buf) {
		if err := c.fill(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.buf[c.sent:])
	c.sent += n
	return n, nil
}

func (c *copier) fill() error {
	if c.closed {
		return io.EOF
	}
	c.buf, c.sent = c.buf[:0], 0
	if !c.begun {
		c.begun = true
		c.buf = append(c.buf, copyHeader...)
	}
	for c.next < len(c.rows) && len(c.buf) < copyBuffer {
		if err := c.row(c.next); err != nil {
			c.bad = err
			return err
		}
		c.next++
	}
	if c.next == len(c.rows) {
		c.buf, c.closed = append(c.buf, 0xff, 0xff), true
	}
	return nil
}

// row encodes the row at a place.
func (c *copier) row(place int) error {
	i := c.rows[place]
	if c.direct {
		c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(len(c.cols)+len(ledger.Meta)))
	} else {
		c.buf = binary.BigEndian.AppendUint16(c.buf, uint16(len(c.cols)+4))
		c.buf = appendInt32(c.buf, int32(place))
	}
	for j := range c.cols {
		if reason := c.value(c.b.Column(j), i, c.cols[j].Type); reason != "" {
			return &unfit{fmt.Sprintf("column %q: %s", c.cols[j].Name, reason)}
		}
	}
	m := c.b.Meta(i)
	c.buf = appendInt64(appendInt64(c.buf, m.Version), m.Tie)
	if m.Hash == (batch.Hash{}) {
		c.buf = appendNull(c.buf)
	} else {
		c.buf = appendBytes(c.buf, m.Hash[:])
	}
	if c.direct {
		c.buf = appendNull(appendInt64(c.buf, c.at-epochMicros)) // written at, and not deleted
	}
	return nil
}

func appendNull(b []byte) []byte { return append(b, 0xff, 0xff, 0xff, 0xff) }

func appendInt32(b []byte, v int32) []byte {
	return binary.BigEndian.AppendUint32(append(b, 0, 0, 0, 4), uint32(v))
}

func appendInt64(b []byte, v int64) []byte {
	return binary.BigEndian.AppendUint64(append(b, 0, 0, 0, 8), uint64(v))
}

func appendBytes(b, v []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(v))), v...)
}

// value encodes value i of a column for a table column of type to, and says why
// if that cannot be done exactly.
func (c *copier) value(col *batch.Column, i int, to batch.Type) (reason string) {
	if col.Null(i) {
		c.buf = appendNull(c.buf)
		return ""
	}
	switch from := col.Type(); {
	case from == batch.Time:
		return c.instant(col.Int64(i), to)
	case from == batch.Date:
		return c.date(col.Int64(i), to)
	case from == batch.Float64:
		return c.float(col.Float64(i), to)
	case from == to && from == batch.Int64:
		c.buf = appendInt64(c.buf, col.Int64(i))
	case from == to && from == batch.Bool:
		c.buf = append(c.buf, 0, 0, 0, 1, byte(col.Int64(i)&1))
	case from == batch.Int64:
		c.text = strconv.AppendInt(c.text[:0], col.Int64(i), 10)
		return c.bytes(c.text, to)
	case from == batch.Bool:
		return c.bytes([]byte(col.Text(i)), to)
	default:
		return c.bytes(col.Bytes(i), to)
	}
	return ""
}

// bytes encodes a value that the batch has as text or bytes.
func (c *copier) bytes(v []byte, to batch.Type) (reason string) {
	switch to {
	case batch.Decimal:
		at := len(c.buf)
		out, ok := appendNumeric(append(c.buf, 0, 0, 0, 0), v)
		if !ok {
			return "the number has more than 131072 digits before or 16383 digits after the decimal point"
		}
		binary.BigEndian.PutUint32(out[at:], uint32(len(out)-at-4))
		c.buf = out
	case batch.JSON:
		c.buf = binary.BigEndian.AppendUint32(c.buf, uint32(len(v)+1))
		c.buf = append(append(c.buf, 1), v...)
	default:
		c.buf = appendBytes(c.buf, v)
	}
	return ""
}

func (c *copier) float(v float64, to batch.Type) (reason string) {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return fmt.Sprintf("%v is not a number", v)
	case to == batch.Float64:
		c.buf = appendInt64(c.buf, int64(math.Float64bits(v)))
		return ""
	}
	c.text = strconv.AppendFloat(c.text[:0], v, 'g', -1, 64)
	return c.bytes(c.text, to)
}

// PostgreSQL counts from 2000-01-01 and begins at the Julian day 0.
const (
	epochDays   = 10957
	epochMicros = epochDays * 86400 * 1_000_000
	minMicros   = -211813488000000000
	minDays     = -2451545
	endDays     = 2145031949
)

func (c *copier) instant(micros int64, to batch.Type) (reason string) {
	if micros < minMicros+epochMicros {
		return "the instant is before 4714 BC"
	}
	if to == batch.String {
		c.text = batch.AppendTime(c.text[:0], micros)
		return c.bytes(c.text, to)
	}
	c.buf = appendInt64(c.buf, micros-epochMicros)
	return ""
}

func (c *copier) date(days int64, to batch.Type) (reason string) {
	if days < minDays+epochDays || days >= endDays+epochDays {
		return "the date is before 4714 BC or after 5874897"
	}
	if to == batch.Time {
		if days > math.MaxInt64/1_000_000/86400 {
			return "the date is too far in the future for an instant"
		}
		return c.instant(days*86400*1_000_000, to)
	}
	c.buf = appendInt32(c.buf, int32(days-epochDays))
	return ""
}
