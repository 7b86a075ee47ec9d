// Package rest reads REST APIs that are described by connector files, YAML of
// a small language whose Go types are [Connector] and what it holds.
//
// A [Source] pulls streams page by page in a way that neither loses nor invents
// rows while the API's data moves: the pager (pager.go) overlaps its pages and
// demands to see a row again before it goes on, the slicer (slice.go) cuts the
// time line so that pages stay shallow and workers have something to do, and
// the plan (plan.go) decides which parts of the past are read again, because
// most APIs cannot say what has changed. The cursor (cursor.go) remembers which
// intervals of the present run are complete.
//
// Begin with [Load], [New] and [Source.Pull]. The reasoning is in
// docs/design/paging.md and docs/freshness.md.
package rest
