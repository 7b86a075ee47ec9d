// Package batch holds rows the way Syncline moves them: as typed columns in
// reused buffers, never as maps.
//
// A [Schema] names the columns. A [Batch] is one slice of values per column
// plus a [Meta] per row (version, content hash, deleted or not). A [Decoder]
// appends one JSON object per call and widens or adds columns as the data
// demands, so a field that first appears in row 700 is one new column. A
// [Scanner] splits a page of JSON into records without decoding them: the span,
// the key, the cursor value and the content hash of each.
//
// Numbers are exact: an integer outside int64 or a fraction becomes Decimal,
// which is the text the source sent. Text is valid UTF-8 or refused.
//
// The package imports nothing else of Syncline. Batches belong to the engine: a
// destination may read one during Write and must not keep it.
package batch
