package sqlite

import (
	"sync"

	"github.com/synclinehq/syncline"
)

// tail keeps the latest entries in memory, the oldest leaving first, and the
// last position of each stream. Entries enter when they are durable. What is
// kept of a stream is always its end, without gaps.
type tail struct {
	mu      sync.Mutex
	max     int // bytes
	size    int
	last    map[string]syncline.Position
	streams map[string][]*syncline.Entry
	queue   []*syncline.Entry // of all streams, in order of commit
}

func newTail(maxBytes int) *tail {
	return &tail{max: maxBytes, last: map[string]syncline.Position{}, streams: map[string][]*syncline.Entry{}}
}

// weight is what an entry costs: its payload and, about, the rest.
func weight(e *syncline.Entry) int { return len(e.Block) + len(e.Body) + 256 }

// add keeps a new entry, which it takes over.
func (t *tail) add(e *syncline.Entry) {
	if e.Duplicate {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last[e.Stream] = e.Position
	for t.size+weight(e) > t.max && len(t.queue) > 0 {
		t.evict()
	}
	if t.size+weight(e) > t.max {
		return // larger than everything; what was before it is gone, so no gap
	}
	t.streams[e.Stream] = append(t.streams[e.Stream], e)
	t.queue = append(t.queue, e)
	t.size += weight(e)
}

// evict drops the oldest entry. Its place in the queue may be a leftover of an
// entry that was pruned.
func (t *tail) evict() {
	e := t.queue[0]
	t.queue[0] = nil
	t.queue = t.queue[1:]
	if kept := t.streams[e.Stream]; len(kept) > 0 && kept[0] == e {
		t.dropFirst(e.Stream)
	}
}

func (t *tail) dropFirst(stream string) {
	kept := t.streams[stream]
	t.size -= weight(kept[0])
	kept[0] = nil
	t.streams[stream] = kept[1:]
	if len(kept) == 1 {
		delete(t.streams, stream)
	}
}

// prune drops the entries of a stream up to a position.
func (t *tail) prune(stream string, through syncline.Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for kept := t.streams[stream]; len(kept) > 0 && kept[0].Position <= through; kept = t.streams[stream] {
		t.dropFirst(stream)
	}
}

func (t *tail) setLast(stream string, p syncline.Position) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last[stream] = p
}

// lastOf returns the last position of a stream, 0 if there is none.
func (t *tail) lastOf(stream string) syncline.Position {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.last[stream]
}

// read returns the entries after a position, which nobody changes, nil if the next one is
// not here.
func (t *tail) read(stream string, after syncline.Position, limit int) []*syncline.Entry {
	t.mu.Lock()
	kept := t.streams[stream]
	if len(kept) == 0 || after+1 < kept[0].Position || after >= kept[len(kept)-1].Position {
		t.mu.Unlock()
		return nil
	}
	kept = kept[after+1-kept[0].Position:]
	n, size := 0, 0
	for n < len(kept) && (n == 0 || size+payloadSize(kept[n]) <= limit) {
		size += payloadSize(kept[n])
		n++
	}
	out := append(make([]*syncline.Entry, 0, n), kept[:n]...)
	t.mu.Unlock()
	for i, e := range out {
		c := *e // the payload is shared, the rest is the caller's
		out[i] = &c
	}
	return out
}

func payloadSize(e *syncline.Entry) int { return len(e.Block) + len(e.Body) }
