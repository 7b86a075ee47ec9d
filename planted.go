package syncline

import (
	"bytes"
	"context"
	"sync"

	"github.com/synclinehq/syncline/batch"
)

// Bugs that tests plant, see package mutant. None of this is reached in a
// program built without the tag.

// cursorFirst keeps records back until the cursor that claims them is stored.
func (sr *streamRun) cursorFirst(ctx context.Context, recs []Record, next Cursor) ([]Record, Cursor, error) {
	sr.mu.Lock()
	defer sr.mu.Unlock()
	for _, r := range recs {
		r.Key, r.Data = bytes.Clone(r.Key), bytes.Clone(r.Data)
		sr.held = append(sr.held, r)
	}
	if next == nil {
		return nil, nil, nil
	}
	recs, sr.held = sr.held, nil
	return recs, nil, sr.append(ctx, KindPage, ShapeList, nil, next)
}

// index is a hash index that lives beside the data: what was once journalled
// is taken to be in the destination for ever.
var index sync.Map

// indexed answers from the index what the destination was asked, and notes the
// records.
func (sr *streamRun) indexed(recs []Record, hashes []batch.Hash) []batch.Hash {
	n := 0
	for i := range recs {
		if recs[i].Reject != "" {
			continue
		}
		known, ok := index.Swap(sr.e.TempDir+"/"+sr.s.Name+"/"+string(recs[i].Key), recs[i].Hash)
		if ok {
			hashes[n] = known.(batch.Hash)
		}
		n++
	}
	return hashes
}
