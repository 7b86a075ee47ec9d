package sqlite

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/s2"

	"github.com/synclinehq/syncline"
)

// maxPayload bounds block and body of one entry together, in bytes, and so what
// a damaged size can make a reader allocate.
const maxPayload = 256 << 20

// Encodings of a stored payload. S2 packs a block of payments to a sixth at
// about 2.5 GB/s; zstd would leave an eighth at about 0.4 GB/s, and on a first
// load the processor is what is short, not the disk.
const (
	encodingRaw = 0
	encodingS2  = 1
)

// worthCompressing: below this the frame costs more than it saves.
const worthCompressing = 128

// encode compresses raw into dst's memory if that makes it smaller.
func encode(dst, raw []byte) (payload []byte, encoding int) {
	if len(raw) >= worthCompressing {
		if z := s2.Encode(dst[:cap(dst)], raw); len(z) < len(raw) {
			return z, encodingS2
		}
	}
	return raw, encodingRaw
}

var errPayload = errors.New("unknown encoding or wrong size")

// decode is the inverse of encode; the result has memory of its own.
func decode(payload []byte, encoding, size int) ([]byte, error) {
	var raw []byte
	var err error
	switch encoding {
	case encodingRaw:
		raw = append(make([]byte, 0, len(payload)), payload...)
	case encodingS2:
		// The size is checked before memory is taken for it.
		var n int
		if n, err = s2.DecodedLen(payload); err == nil && n == size {
			raw, err = s2.Decode(nil, payload)
		}
	default:
		err = errPayload
	}
	if err == nil && len(raw) != size {
		err = errPayload
	}
	return raw, err
}

// digest is the SHA-256 of everything a reader gets: each part with its length,
// so that no two entries share an input. raw is the block, then the body.
func digest(e *syncline.Entry, raw []byte) [sha256.Size]byte {
	head := make([]byte, 0, 160)
	for _, s := range []string{e.Source, e.Stream, e.Kind, e.Shape, e.EventID} {
		head = binary.AppendUvarint(head, uint64(len(s)))
		head = append(head, s...)
	}
	head = binary.AppendVarint(head, e.ReceivedAt.UnixMicro())
	head = binary.AppendVarint(head, int64(e.Records))
	head = binary.AppendVarint(head, int64(len(e.Block)))
	h := sha256.New()
	h.Write(head)
	h.Write(raw)
	return [sha256.Size]byte(h.Sum(nil))
}

// eventKey identifies an event: ids are compared byte by byte, and parts are
// framed so that "ab","c" is not "a","bc".
func eventKey(source, id string) [sha256.Size]byte {
	b := binary.AppendUvarint(make([]byte, 0, len(source)+len(id)+8), uint64(len(source)))
	b = append(b, source...)
	return sha256.Sum256(append(b, id...))
}
