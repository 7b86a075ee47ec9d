package postgres

import (
	"context"
	"errors"
	"slices"

	syncline "github.com/synclinehq/syncline"
)

// maxRefused bounds how many bad rows one write names; the next write names
// more.
const maxRefused = 1000

// errEnough ends the search for bad rows.
var errEnough = errors.New("enough bad rows found")

// refused finds the rows that the database does not take, after a write of them
// failed. Nothing it does stays. It is the slow path and may be: first rows
// whose values do not fit their types, which COPY names one by one, then rows
// that constraints, indexes or triggers refuse, by halves.
func (w *writing) refused(ctx context.Context) ([]syncline.RowError, error) {
	var bad []syncline.RowError
	for _, p := range w.parts {
		rows, err := w.copyable(ctx, p, &bad)
		if err != nil {
			return nil, err
		}
		if len(rows) == 0 || len(bad) >= maxRefused {
			continue
		}
		_, err = w.s.transaction(ctx, func() error {
			if err := w.s.load(ctx, p.stage, &copier{b: w.b, cols: p.cols, rows: rows}); err != nil {
				return err
			}
			return errors.Join(w.halves(ctx, p, rows, 0, len(rows), &bad), errNothing)
		})
		if err != nil && !errors.Is(err, errNothing) {
			return nil, err
		}
	}
	slices.SortFunc(bad, func(a, b syncline.RowError) int { return a.Row - b.Row })
	return bad, nil
}

// errNothing rolls a transaction back on purpose.
var errNothing = errors.New("nothing stays")

// fit returns the rows of a part that can be encoded, and adds the others to
// bad.
func (w *writing) fit(p part, bad *[]syncline.RowError) []int {
	c := &copier{b: w.b, cols: p.cols, rows: p.rows}
	var good []int
	for place, i := range p.rows {
		c.buf = c.buf[:0]
		if err := c.row(place); err != nil {
			*bad = append(*bad, syncline.RowError{Row: i, Reason: err.Error()})
		} else {
			good = append(good, i)
		}
	}
	return good
}

// copyable returns the rows of a part that COPY takes, and adds the others to
// bad.
func (w *writing) copyable(ctx context.Context, p part, bad *[]syncline.RowError) ([]int, error) {
	var good []int
	rest := w.fit(p, bad)
	for len(rest) > 0 && len(*bad) < maxRefused {
		_, err := w.s.transaction(ctx, func() error {
			if err := w.s.load(ctx, p.stage, &copier{b: w.b, cols: p.cols, rows: rest}); err != nil {
				return err
			}
			return errNothing
		})
		if errors.Is(err, errNothing) {
			return append(good, rest...), nil
		}
		place, known := refusedPlace(err, p.stage)
		if !known || place >= len(rest) {
			return nil, err
		}
		*bad = append(*bad, syncline.RowError{Row: rest[place], Reason: explain(err)})
		good, rest = append(good, rest[:place]...), rest[place+1:]
	}
	return good, nil
}

// halves merges the places from..to of the stage, and where that fails each
// half of them, down to single rows.
func (w *writing) halves(ctx context.Context, p part, rows []int, from, to int, bad *[]syncline.RowError) error {
	if len(*bad) >= maxRefused {
		return errEnough
	}
	if _, err := w.s.Exec(ctx, "SAVEPOINT rows"); err != nil {
		return err
	}
	_, err := p.merge.run(ctx, w.s, from, to, w.at.At, false)
	if err == nil {
		_, err = w.s.Exec(ctx, "RELEASE rows")
		return err
	}
	if !aboutRow(err) {
		return err
	}
	if _, err := w.s.Exec(ctx, "ROLLBACK TO rows"); err != nil {
		return err
	}
	if to-from == 1 {
		*bad = append(*bad, syncline.RowError{Row: rows[from], Reason: explain(err)})
		return nil
	}
	middle := (from + to) / 2
	if err := w.halves(ctx, p, rows, from, middle, bad); err != nil {
		return err
	}
	return w.halves(ctx, p, rows, middle, to, bad)
}
