//go:build unix

package crashtest

import (
	"fmt"

	"github.com/synclinehq/syncline/sandbox/dodo"
)

// odd are texts that went wrong somewhere once.
var odd = []string{"", "O'Brien; DROP TABLE x; --", `back\slash "quote"`, "línea\nnueva\ttab", "日本語 🙂", "0012", "true", "null", "1e400"}

// change makes n changes of every kind in every stream: new objects, changed
// ones and removed ones, among the newest and the oldest.
func (r *rig) change(n int) {
	r.t.Helper()
	for range n {
		for _, s := range streams {
			r.create(s)
			r.update(s)
		}
		r.api.Touch(2)
	}
	r.hooks.addBad()
	for _, s := range streams {
		r.remove(s)
	}
}

// trickle makes a few changes, of one object in each stream at most.
func (r *rig) trickle() {
	r.t.Helper()
	s := streams[r.random.IntN(len(streams))]
	r.create(s)
	for _, s := range streams {
		r.update(s)
	}
	r.api.Touch(1)
	if r.random.IntN(8) == 0 {
		r.hooks.addBad()
	}
	if r.random.IntN(5) == 0 {
		r.remove(streams[r.random.IntN(len(streams))])
	}
}

func (r *rig) create(s stream) {
	r.t.Helper()
	fields := dodo.Fields{}
	switch s.name {
	case "payments":
		fields = dodo.Fields{"total_amount": r.random.Int64N(1 << 40), "metadata": r.metadata(), "status": r.status()}
	case "customers":
		fields = dodo.Fields{"name": r.text(), "metadata": r.metadata()}
	}
	if _, _, err := r.api.Create(s.entity, fields); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) update(s stream) {
	r.t.Helper()
	id := r.pick(s)
	if id == "" {
		return
	}
	var fields dodo.Fields
	switch s.name {
	case "payments":
		fields = dodo.Fields{"status": r.status(), "metadata": r.metadata(), "total_amount": r.random.Int64N(1 << 50)}
	case "customers":
		fields = dodo.Fields{"name": r.text(), "metadata": r.metadata()}
	case "subscriptions":
		fields = dodo.Fields{"recurring_pre_tax_amount": r.random.Int64N(1 << 45), "metadata": r.metadata(), "status": r.either("active", "on_hold", "cancelled")}
	case "license_keys":
		fields = dodo.Fields{"instances_count": r.random.IntN(1 << 20), "status": r.either("active", "disabled")}
	case "refunds":
		fields = dodo.Fields{"reason": r.text(), "status": r.either("succeeded", "failed", "review")}
	}
	if _, err := r.api.Update(s.entity, id, fields); err != nil {
		r.t.Fatal(err)
	}
}

// remove deletes an object; nobody is told.
func (r *rig) remove(s stream) {
	r.t.Helper()
	if id := r.pick(s); id != "" {
		if err := r.api.Delete(s.entity, id); err != nil {
			r.t.Fatal(err)
		}
	}
}

// pick returns the id of a random object, "" if few are left.
func (r *rig) pick(s stream) string {
	r.t.Helper()
	n, err := r.api.Count(s.entity)
	if err != nil {
		r.t.Fatal(err)
	}
	if n < 10 {
		return ""
	}
	k := r.random.IntN(n)
	for id := range r.api.Truth(s.entity) {
		if k--; k < 0 {
			return id
		}
	}
	return ""
}

func (r *rig) either(choices ...string) string { return choices[r.random.IntN(len(choices))] }

func (r *rig) status() string { return r.either("succeeded", "failed", "processing", "cancelled") }

func (r *rig) text() string {
	return fmt.Sprintf("%s %d", odd[r.random.IntN(len(odd))], r.random.IntN(1<<30))
}

func (r *rig) metadata() map[string]any {
	return map[string]any{"n": r.random.Int64N(1 << 62), "text": r.text(), "list": []int{1, r.random.IntN(9)}}
}
