package sqlite

import (
	"context"
	"slices"
	"time"

	"github.com/synclinehq/syncline"
)

// pruneStep is how many entries one transaction removes: appends that come
// meanwhile wait for one step, not for all.
const pruneStep = 256

// Prune removes entries that were received before a time and that every known
// consumer of their stream had been delivered before that time: retention
// counts from delivery. Entries of a named stream without any consumer stay;
// those of no stream ("", events that are not mapped to one) go by age. Only
// the beginning of a stream is removed, never a middle. It returns how many
// entries were removed, also when it fails half-way.
func (j *Journal) Prune(ctx context.Context, before time.Time) (removed int, err error) {
	if j.w == nil {
		return 0, j.readOnly()
	}
	var names []string
	list := func(w *writer) error {
		names = names[:0]
		for name := range w.streams {
			names = append(names, name)
		}
		return w.begin() // and so store what consumers have reported
	}
	if err := j.w.submit(&change{ctx: ctx, apply: list}); err != nil {
		return 0, err
	}
	slices.Sort(names)
	for _, name := range names {
		for {
			n, more, err := j.pruneStream(ctx, name, before.UnixMicro())
			removed += n
			if err != nil {
				return removed, err
			}
			if !more {
				break
			}
		}
	}
	return removed, nil
}

// pruneStream removes the next step of a stream.
func (j *Journal) pruneStream(ctx context.Context, name string, before int64) (removed int, more bool, err error) {
	var through syncline.Position
	c := &change{ctx: ctx,
		apply: func(w *writer) (err error) {
			removed, more = 0, false
			s := w.streams[name]
			if through, err = w.prunable(name, s, before); err != nil || through <= s.pruned {
				return err
			}
			removed, more = int(through-s.pruned), through-s.pruned == pruneStep
			return w.prune(name, s, through, before)
		},
		committed: func() { j.tail.prune(name, through) },
	}
	if err := j.w.submit(c); err != nil {
		return 0, false, err
	}
	return removed, more, nil
}

// prunable returns the last entry of the next step that may go.
func (w *writer) prunable(name string, s *stream, before int64) (syncline.Position, error) {
	limit := s.last
	if name != "" {
		if err := w.stmt.delivered.QueryRowContext(background, before, name).Scan(&limit); err != nil {
			return 0, err
		}
	}
	limit = min(limit, s.last, s.pruned+pruneStep)
	if limit <= s.pruned {
		return 0, nil
	}
	var young int64 // row of the first entry in reach that is not old enough
	err := w.stmt.firstYoung.QueryRowContext(background, s.row(s.pruned), s.row(limit), before).Scan(&young)
	if err != nil {
		return 0, err
	}
	if young > 0 {
		limit = syncline.Position(young-s.row(0)) - 1
	}
	return limit, nil
}

func (w *writer) prune(name string, s *stream, through syncline.Position, before int64) error {
	if _, err := w.exec(w.stmt.dropEntries, s.row(s.pruned), s.row(through)); err != nil {
		return err
	}
	if _, err := w.exec(w.stmt.setPruned, int64(through), s.id); err != nil {
		return err
	}
	if _, err := w.exec(w.stmt.dropOldDeliveries, name, before); err != nil {
		return err
	}
	was := s.pruned
	s.pruned = through
	w.undo = append(w.undo, func() { s.pruned = was })
	return nil
}
