package syncline

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"slices"

	"github.com/synclinehq/syncline/batch"
)

// A block is how an entry keeps its records: for each record a byte for the
// operation, version and tie as varints, the 16 bytes of the hash, then key,
// reject reason and data, each with its length. The journal stores blocks as
// they are (it may compress them); the form is part of the journal's format.

// blockOverhead is the most a record takes in a block beside its texts.
const blockOverhead = 1 + 2*binary.MaxVarintLen64 + 16 + 3*binary.MaxVarintLen32

// AppendBlock appends records in block form to dst.
func AppendBlock(dst []byte, recs []Record) []byte {
	size := 0
	for i := range recs {
		size += blockOverhead + len(recs[i].Key) + len(recs[i].Reject) + len(recs[i].Data)
	}
	dst = slices.Grow(dst, size)
	for i := range recs {
		r := &recs[i]
		dst = append(dst, byte(r.Op))
		dst = binary.AppendVarint(dst, r.Version)
		dst = binary.AppendVarint(dst, r.Tie)
		dst = append(dst, r.Hash[:]...)
		dst = appendFramed(dst, r.Key)
		dst = appendFramed(dst, []byte(r.Reject))
		dst = appendFramed(dst, r.Data)
	}
	return dst
}

func appendFramed(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

var errBlock = errors.New("block is cut or damaged")

// ReadBlock calls yield for each record of a block. The record points into the
// block.
func ReadBlock(block []byte, yield func(Record) error) error {
	for len(block) > 0 {
		var r Record
		var err error
		if r, block, err = readRecord(block); err != nil {
			return err
		}
		if err := yield(r); err != nil {
			return err
		}
	}
	return nil
}

func readRecord(b []byte) (r Record, rest []byte, err error) {
	r.Op, b = Op(b[0]), b[1:]
	for _, v := range []*int64{&r.Version, &r.Tie} {
		x, n := binary.Varint(b)
		if n <= 0 {
			return r, nil, errBlock
		}
		*v, b = x, b[n:]
	}
	if r.Op > Delete || len(b) < len(r.Hash) {
		return r, nil, errBlock
	}
	copy(r.Hash[:], b)
	b = b[len(r.Hash):]
	var key, reject []byte
	for _, v := range []*[]byte{&key, &reject, &r.Data} {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			return r, nil, errBlock
		}
		*v, b = b[w:w+int(n):w+int(n)], b[w+int(n):]
	}
	r.Key, r.Reject = key, string(reject)
	return r, b, nil
}

// batchID identifies a batch by what it is: pipeline, stream, the positions it
// covers, and its entries' records (key, version, hash) with the schema they
// are decoded by. Parts are length-framed, so no two different batches share an
// input.
type batchID struct{ buf []byte }

func newBatchID(pipeline, stream string, from, through Position) *batchID {
	b := &batchID{}
	b.buf = appendFramed(b.buf, []byte(pipeline))
	b.buf = appendFramed(b.buf, []byte(stream))
	b.buf = binary.AppendVarint(b.buf, int64(from))
	b.buf = binary.AppendVarint(b.buf, int64(through))
	return b
}

func (b *batchID) record(key Key, version int64, h batch.Hash) {
	b.buf = appendFramed(b.buf, key)
	b.buf = binary.AppendVarint(b.buf, version)
	b.buf = append(b.buf, h[:]...)
}

func (b *batchID) sum(schemas []byte) string {
	b.buf = appendFramed(b.buf, schemas)
	h := sha256.Sum256(b.buf)
	return hex.EncodeToString(h[:16])
}

// deadLetterID is the same for the same content of the same record, however
// often it comes.
func deadLetterID(pipeline, stream string, r *Record) string {
	var b []byte
	for _, part := range [][]byte{[]byte(pipeline), []byte(stream), r.Key, r.Data} {
		b = appendFramed(b, part)
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:16])
}
