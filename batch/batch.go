package batch

// Hash is the content hash of a record: the first 16 bytes of SHA-256 over the
// record's canonical form. The zero Hash means "unknown".
type Hash [16]byte

// Meta is what Syncline knows about a row beside its columns.
type Meta struct {
	// Version orders states of one key: microseconds since 1970 UTC of the
	// source's own update time where the stream has one, else of the snapshot
	// (when the page was asked for, or the webhook was sent).
	Version int64
	// Tie orders equal versions: the snapshot time in microseconds.
	Tie int64
	// Hash is the content hash, compared to tell changed from unchanged.
	Hash Hash
	// Deleted rows carry their key only; the other columns are null.
	Deleted bool
	// Index is the record's place in the delivered range of the journal, so
	// that errors about a row name the record.
	Index int
}

// Newer reports whether m must replace o: the order is (Version, Tie, Hash), so
// that every order of arrival ends in the same state.
func (m *Meta) Newer(o *Meta) bool {
	if m.Version != o.Version {
		return m.Version > o.Version
	}
	if m.Tie != o.Tie {
		return m.Tie > o.Tie
	}
	return string(m.Hash[:]) > string(o.Hash[:])
}

// Batch is a set of rows of one schema. It is reused: Reset keeps the buffers.
// It is not safe for concurrent use.
type Batch struct {
	schema *Schema
	cols   []*Column
	meta   []Meta

	base     []int      // per column: the column it is a variant of, or -1
	collapse *collapser // memory of Collapse
}

// New returns an empty batch of the schema, which the batch takes over: a
// [Decoder] appends fields to it as they appear in the data.
func New(s *Schema) *Batch {
	b := &Batch{schema: s}
	for _, f := range s.Fields {
		b.cols = append(b.cols, newColumn(f.Type))
		b.base = append(b.base, b.baseOf(f))
	}
	return b
}

// Schema returns the batch's schema.
func (b *Batch) Schema() *Schema { return b.schema }

// Len returns the number of rows.
func (b *Batch) Len() int { return len(b.meta) }

// Column returns the i-th column of the schema.
func (b *Batch) Column(i int) *Column { return b.cols[i] }

// Meta returns the meta of row i; the pointer is valid until the next append.
func (b *Batch) Meta(i int) *Meta { return &b.meta[i] }

// Size returns the bytes of payload held, for limits on batch size.
func (b *Batch) Size() int {
	n := len(b.meta) * 56
	for _, c := range b.cols {
		n += c.size()
	}
	return n
}

// Reset drops the rows and keeps schema and buffers.
func (b *Batch) Reset() {
	b.meta = b.meta[:0]
	for _, c := range b.cols {
		c.reset()
	}
}

// AddField appends a field to the schema, absent in all rows so far; a variant
// is null in rows that mention the field it is a variant of.
func (b *Batch) AddField(f Field) *Column {
	base := b.baseOf(f)
	b.schema.Fields = append(b.schema.Fields, f)
	c := newColumn(f.Type)
	for i := range b.meta {
		if base >= 0 && !b.cols[base].Absent(i) {
			c.AppendNull()
		} else {
			c.AppendAbsent()
		}
	}
	b.cols, b.base = append(b.cols, c), append(b.base, base)
	return c
}

// baseOf returns the column that f is a variant of, or -1.
func (b *Batch) baseOf(f Field) int {
	if f.VariantOf == "" {
		return -1
	}
	if base := b.schema.Index(f.VariantOf); base < len(b.cols) {
		return base
	}
	return -1
}

// dropFields takes back the fields from n on, which no row has.
func (b *Batch) dropFields(n int) {
	clear(b.cols[n:])
	b.schema.Fields, b.cols, b.base = b.schema.Fields[:n], b.cols[:n], b.base[:n]
}

// EndRow completes a row: columns that got no value become null if declared,
// else absent.
func (b *Batch) EndRow(m Meta) {
	b.meta = append(b.meta, m)
	for i, c := range b.cols {
		if c.Len() == len(b.meta) {
			continue
		}
		base := b.base[i]
		if b.schema.Fields[i].Declared || m.Deleted || base >= 0 && !b.cols[base].Absent(len(b.meta)-1) {
			c.AppendNull()
		} else {
			c.AppendAbsent()
		}
	}
}

// UndoRow drops the values appended since the last EndRow.
func (b *Batch) UndoRow() {
	for _, c := range b.cols {
		c.truncate(len(b.meta))
	}
}

// AppendRow copies row i of o, a batch whose schema has the same fields at the
// same places (o may have fewer columns).
func (b *Batch) AppendRow(o *Batch, i int) {
	for j, c := range o.cols {
		b.cols[j].appendFrom(c, i)
	}
	b.EndRow(o.meta[i])
}

// As returns a view of the batch under another schema: the same columns by
// other names. The view is valid as long as b is not changed.
func (b *Batch) As(s *Schema) *Batch {
	return &Batch{schema: s, cols: b.cols, meta: b.meta, base: b.base}
}

// Select returns a new batch with the given rows of b, in that order.
func (b *Batch) Select(rows []int) *Batch {
	out := New(b.schema.Clone())
	for _, i := range rows {
		out.AppendRow(b, i)
	}
	return out
}

// SplitByShape returns batches that have no absent values: rows are grouped by
// which undeclared columns they have, and a group's schema lists only those.
// The usual batch, where nothing is absent, is returned as it is. Keys must be
// distinct (see [Batch.Collapse]), so the order of the groups does not matter.
// Rows that are deleted form a group with the key columns only.
func (b *Batch) SplitByShape() []*Batch {
	b = b.withoutUnused()
	mixed := false
	for _, c := range b.cols {
		mixed = mixed || c.absent > 0
	}
	deleted := 0
	for i := range b.meta {
		if b.meta[i].Deleted {
			deleted++
		}
	}
	if !mixed && (deleted == 0 || deleted == len(b.meta)) {
		if deleted > 0 {
			return []*Batch{b.project(func(j int) bool { return b.schema.Fields[j].Key }, nil)}
		}
		return []*Batch{b}
	}
	groups := map[string]int{}
	var shapes []string
	var rows [][]int
	sig := make([]byte, len(b.cols))
	for i := range b.meta {
		for j, c := range b.cols {
			sig[j] = '1'
			if c.Absent(i) || b.meta[i].Deleted && !b.schema.Fields[j].Key {
				sig[j] = '0'
			}
		}
		g, ok := groups[string(sig)]
		if !ok {
			g = len(rows)
			shapes, rows = append(shapes, string(sig)), append(rows, nil)
			groups[shapes[g]] = g
		}
		rows[g] = append(rows[g], i)
	}
	out := make([]*Batch, 0, len(rows))
	for g, shape := range shapes {
		out = append(out, b.project(func(j int) bool { return shape[j] == '1' }, rows[g]))
	}
	return out
}

// project returns the kept columns of the given rows (nil: all).
func (b *Batch) project(keep func(col int) bool, rows []int) *Batch {
	s := &Schema{}
	var from []int
	for j, f := range b.schema.Fields {
		if keep(j) {
			s.Fields = append(s.Fields, f)
			from = append(from, j)
		}
	}
	out := New(s)
	row := func(i int) {
		for k, j := range from {
			out.cols[k].appendFrom(b.cols[j], i)
		}
		out.EndRow(b.meta[i])
	}
	if rows == nil {
		for i := range b.meta {
			row(i)
		}
	}
	for _, i := range rows {
		row(i)
	}
	return out
}

// withoutUnused drops the columns that no row mentions, sharing the others.
func (b *Batch) withoutUnused() *Batch {
	out := &Batch{schema: &Schema{}, meta: b.meta}
	for j, c := range b.cols {
		if c.absent < len(b.meta) || b.schema.Fields[j].Declared || b.schema.Fields[j].Key {
			out.schema.Fields = append(out.schema.Fields, b.schema.Fields[j])
			out.cols = append(out.cols, c)
		}
	}
	if len(out.cols) == len(b.cols) {
		return b
	}
	return out
}
