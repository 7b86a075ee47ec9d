package sqlite

// logBounds are bounds of the write-ahead log in bytes. Up to checkpointAt bytes a commit only appends
// to it and syncs once; then its pages are copied into the file. A reader that
// stays in an old snapshot keeps the log from being reused; from restartAt on
// the writer waits for readers rather than let it grow.
type logBounds struct{ checkpointAt, restartAt int64 }

var normalBounds = logBounds{checkpointAt: 16 << 20, restartAt: 64 << 20}

// checkpointIfLarge copies the log into the file when enough has been written.
// A failure is no failure of the commit before it: the log still has
// everything, and the next checkpoint tries again.
func (w *writer) checkpointIfLarge() {
	if w.wal < w.bounds.checkpointAt {
		return
	}
	pages, done := w.checkpoint("PASSIVE")
	if pages*pageSize >= w.bounds.restartAt {
		_, done = w.checkpoint("RESTART")
	}
	w.wal = 0
	if !done {
		w.wal = w.bounds.checkpointAt / 2 // a reader is in the way: try again soon
	}
}

// checkpoint returns how many pages the log has and whether all of them are in
// the file now.
func (w *writer) checkpoint(mode string) (pages int64, done bool) {
	var busy, copied int64
	err := w.conn.QueryRowContext(background, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &pages, &copied)
	return pages, err == nil && busy == 0 && pages == copied
}

// rest is called when there is nothing to do: it stores what consumers have
// reported and brings the file up to date, so that the next start is quick.
func (w *writer) rest() {
	if w.deliveries.waiting() {
		if err := w.attempt([]*change{{ctx: background, apply: (*writer).begin}}); err != nil {
			return // kept, and stored with the next commit
		}
	}
	if w.wal > 0 {
		if _, done := w.checkpoint("PASSIVE"); done {
			w.wal = 0
		}
	}
}

// close leaves a file without a log beside it, if no one else reads it.
func (w *writer) close() error {
	if w.deliveries.waiting() {
		if err := w.attempt([]*change{{ctx: background, apply: (*writer).begin}}); err != nil {
			return err
		}
	}
	w.checkpoint("TRUNCATE")
	return nil
}
