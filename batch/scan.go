package batch

import (
	"crypto/sha256"
	"slices"
	"strings"
)

// Spec says how to find records in a page and what their identity is.
type Spec struct {
	// Records is the object path to the array of records, e.g. ["items"].
	// Empty: the page itself is the array. If the value there is a single
	// object, that is the one record.
	Records []string
	// Key names the top-level members that form the key, in key order.
	Key []string
	// Cursor names the top-level member with the cursor or update time, "" if
	// there is none.
	Cursor string
	// Exclude lists dotted paths left out of the content hash, for members that
	// change without the record changing, such as signed links. A path goes
	// through arrays to each element: "files.download_url".
	Exclude []string
	// Salt is mixed into every hash: the revision of the stream's layout, so
	// that a new layout makes every record count as changed.
	Salt []byte
	// NullEqualsAbsent leaves members that are null out of the hash, for
	// sources that send null in one answer and nothing in the next.
	NullEqualsAbsent bool
}

// Record is one record of a page. Data is a span of the page; Key and Cursor
// are valid until the next call of the scanner.
type Record struct {
	// Data is the record exactly as received.
	Data []byte
	// Key is the canonical key: each part as [AppendKeyPart] writes it. If Err
	// is set it is empty, or the key if that could be read nevertheless.
	Key []byte
	// Cursor is the cursor member: the content of a string, the JSON text of
	// anything else; nil if it is null or absent.
	Cursor []byte
	// Hash is the content hash: the first 16 bytes of SHA-256 over the record
	// in a form that does not depend on white space, the order of members and
	// the way strings are escaped. It is zero if Err is set.
	Hash Hash
	// Err is a *[RecordError] if the record cannot be used.
	Err error
}

// Scanner splits pages into records. It checks everything a later decoder
// relies on: the grammar of the whole page, and in each record UTF-8, distinct
// names and depth. It learns the shape of the records as it goes and allocates
// nothing once it has. It is not safe for concurrent use.
type Scanner struct {
	spec     Spec
	exclude  *paths
	root     *shape // of records
	envelope *shape // of what is around them

	page    []byte
	out     []byte   // canonical text
	members []member // of the objects open at the moment, innermost last
	ordered []member
	slots   [maxRanked]uint32
	scratch []byte
	arena   []byte // keys and cursors of the last call
	keys    []span
	cursor  span
	names   int // learned

	fault fault
	field []string // path of the fault, innermost first
}

// span is a value's place in the page; to == 0 is none.
type span struct{ from, to int }

// NewScanner returns a scanner for one stream.
func NewScanner(spec Spec) *Scanner {
	s := &Scanner{spec: spec, exclude: &paths{}, keys: make([]span, len(spec.Key))}
	for _, path := range spec.Exclude {
		s.exclude.add(strings.Split(path, "."))
	}
	s.forget()
	return s
}

// forget drops what was learned about names.
func (s *Scanner) forget() {
	s.root, s.envelope, s.names = newShape(s.exclude, true), newShape(nil, false), 0
}

// Scan appends the records of a page to dst. The error is a *[PageError]: the
// page is not complete JSON of the expected shape and nothing of it may be
// used; dst is returned as it was. A record that is faulty in itself is
// returned with Err set and does not spoil the page.
func (s *Scanner) Scan(dst []Record, page []byte) ([]Record, error) {
	s.start(page)
	n := len(dst)
	i := skipSpace(page, 0)
	dst, end := s.find(dst, i, s.envelope, s.spec.Records, 1)
	if end < 0 || skipSpace(page, end) < len(page) {
		clear(dst[n:])
		return dst[:n], s.pageError(end)
	}
	return dst, nil
}

// One reads a page that is one record, whatever Spec.Records says: the answer
// to a get by id, or the data of a webhook. The error is a *[PageError]; a
// faulty record has Err set, as with Scan.
func (s *Scanner) One(obj []byte) (Record, error) {
	s.start(obj)
	r, end := s.record(skipSpace(obj, 0))
	if end < 0 || skipSpace(obj, end) < len(obj) {
		return Record{}, s.pageError(end)
	}
	return r, nil
}

func (s *Scanner) start(page []byte) {
	s.page, s.arena = page, s.arena[:0]
	s.fault, s.field = faultNone, s.field[:0]
	if s.names > keepNames {
		s.forget()
	}
}

// find follows the path to the records. What it passes is checked like a
// record.
func (s *Scanner) find(dst []Record, i int, sh *shape, path []string, depth int) ([]Record, int) {
	p := s.page
	if i >= len(p) {
		return dst, ^i
	}
	if len(path) == 0 {
		return s.records(dst, i)
	}
	if p[i] != '{' {
		return dst, s.fail(faultNoRecords, i)
	}
	if depth > maxDepth {
		return dst, s.fail(faultDepth, i)
	}
	sh.gen++
	gen, found := sh.gen, false
	i = skipSpace(p, i+1)
	for i < len(p) && p[i] != '}' {
		e, j := s.name(sh, i)
		if j < 0 {
			return dst, j
		}
		if e.gen == gen {
			return dst, s.failAt(e, faultDuplicate, i)
		}
		e.gen, i = gen, j
		if e.name == path[0] {
			found = true
			dst, i = s.find(dst, i, e.below(), path[1:], depth+1)
		} else {
			s.out = s.out[:0]
			i = s.value(i, e, depth+1)
		}
		if i < 0 {
			s.within(e)
			return dst, i
		}
		if i = skipSpace(p, i); i < len(p) && p[i] == ',' {
			if i = skipSpace(p, i+1); i < len(p) && p[i] == '}' {
				return dst, ^i
			}
		} else if i < len(p) && p[i] != '}' {
			return dst, ^i
		}
	}
	if i >= len(p) {
		return dst, ^i
	}
	if !found {
		return dst, s.fail(faultNoRecords, i)
	}
	return dst, i + 1
}

// records reads the array of records, or the one record.
func (s *Scanner) records(dst []Record, i int) ([]Record, int) {
	p := s.page
	switch p[i] {
	case '[':
	case '{':
		r, end := s.record(i)
		return append(dst, r), end
	default:
		return dst, s.fail(faultNoRecords, i)
	}
	if i = skipSpace(p, i+1); i < len(p) && p[i] == ']' {
		return dst, i + 1
	}
	for {
		r, end := s.record(i)
		if end < 0 {
			return dst, end
		}
		dst = append(dst, r)
		if i = skipSpace(p, end); i >= len(p) || p[i] != ',' && p[i] != ']' {
			return dst, ^i
		}
		if p[i] == ']' {
			return dst, i + 1
		}
		i = skipSpace(p, i+1)
	}
}

// record reads one record. Only a fault of the page's grammar is returned as a
// negative end.
func (s *Scanner) record(i int) (Record, int) {
	p := s.page
	if s.names > keepNames {
		s.forget()
	}
	s.out, s.members, s.cursor = s.out[:0], s.members[:0], span{}
	clear(s.keys)
	var end int
	if i < len(p) && p[i] == '{' {
		end = s.object(i, s.root, 1)
	} else {
		end = s.fail(faultNoRecords, i)
	}
	if end < 0 {
		return s.faulty(i)
	}
	r := Record{Data: p[i:end:end]}
	r.Cursor = s.takeCursor()
	if r.Key, r.Err = s.takeKey(); r.Err != nil {
		return r, end
	}
	s.out = append(s.out, s.spec.Salt...)
	sum := sha256.Sum256(s.out)
	r.Hash = Hash(sum[:])
	return r, end
}

// faulty reads the record at i again by the grammar alone, so that the page can
// go on behind it.
func (s *Scanner) faulty(i int) (Record, int) {
	end, _ := skipValue(s.page, i, 0)
	if end < 0 {
		s.fault = faultNone
		return Record{}, end
	}
	err := &RecordError{Field: s.path(), Reason: recordReasons[s.fault]}
	s.fault, s.field = faultNone, s.field[:0]
	r := Record{Data: s.page[i:end:end], Err: err}
	r.Key = s.rescueKey(r.Data)
	return r, end
}

// fail notes a fault that is not one of grammar.
func (s *Scanner) fail(f fault, i int) int {
	s.fault = f
	return ^i
}

func (s *Scanner) failAt(e *entry, f fault, i int) int {
	s.within(e)
	return s.fail(f, i)
}

// within notes, on the way out, that the fault is inside a member.
func (s *Scanner) within(e *entry) { s.field = append(s.field, e.name) }

func (s *Scanner) path() string {
	slices.Reverse(s.field)
	return strings.Join(s.field, ".")
}

// pageError explains why a page was refused. A fault of grammar anywhere in the
// page outranks others: a truncated page is truncated, whatever else is wrong.
func (s *Scanner) pageError(end int) error {
	p := s.page
	start := skipSpace(p, 0)
	all, _ := skipValue(p, start, 0)
	switch {
	case start == len(p):
		return &PageError{Kind: PageEmpty, Offset: start}
	case strings.HasPrefix(string(p[:min(3, len(p))]), "\ufeff"):
		return &PageError{Kind: PageBOM}
	case p[start] == '<':
		return &PageError{Kind: PageHTML, Offset: start}
	case ^all == start:
		return &PageError{Kind: PageNotJSON, Offset: start}
	case all < 0 && ^all >= len(p):
		return &PageError{Kind: PageTruncated, Offset: len(p)}
	case all < 0:
		return &PageError{Kind: PageSyntax, Offset: ^all}
	}
	if rest := skipSpace(p, all); rest < len(p) {
		return &PageError{Kind: PageTrailing, Offset: rest}
	}
	return &PageError{Kind: pageKinds[s.fault], Offset: ^end, Field: s.path()}
}
