package sqlite

import (
	"context"
	"encoding/json"

	"github.com/synclinehq/syncline"
)

// SaveRun stores a receipt; one of the same run is replaced. Of each pipeline
// only the latest Options.KeepRuns receipts are kept.
func (j *Journal) SaveRun(ctx context.Context, r *syncline.Receipt) error {
	if j.w == nil {
		return j.readOnly()
	}
	text, err := json.Marshal(r)
	if err != nil {
		return misuse("the receipt of run %q cannot be written as JSON: %v", r.Run, err)
	}
	run, pipeline, started := r.Run, r.Pipeline, r.Started.UnixMicro()
	apply := func(w *writer) error {
		if _, err := w.exec(w.stmt.saveRun, run, pipeline, started, string(text)); err != nil {
			return err
		}
		_, err := w.exec(w.stmt.dropRuns, pipeline, pipeline, w.keepRuns)
		return err
	}
	return j.w.submit(&change{ctx: ctx, apply: apply})
}

// Runs returns the latest receipts of a pipeline, of all pipelines if it is
// empty, newest first by the time the run started.
func (j *Journal) Runs(ctx context.Context, pipeline string, limit int) ([]*syncline.Receipt, error) {
	rows, err := j.stmts.runs.QueryContext(ctx, pipeline, max(limit, 0))
	if err != nil {
		return nil, storeError(j.path, "read the run ledger", err)
	}
	defer rows.Close()
	var out []*syncline.Receipt
	for rows.Next() {
		var text []byte
		if err := rows.Scan(&text); err != nil {
			return nil, storeError(j.path, "read the run ledger", err)
		}
		r := &syncline.Receipt{}
		if err := json.Unmarshal(text, r); err != nil {
			return nil, j.badState("a receipt in the run ledger is damaged", err)
		}
		out = append(out, r)
	}
	return out, storeError(j.path, "read the run ledger", rows.Err())
}
