// Package syncline keeps business data in step: it pulls records from a
// [Source] or receives them by webhook, and lands each in a [Destination],
// incremental and resumable, nothing lost, nothing doubled.
//
// Data moves in two hops. Collect puts the changed records of a page and the
// source's next cursor into the [Journal] in one durable step. Deliver reads
// the journal, decodes records into typed columns and writes them together with
// its position in one transaction of the destination. Between the hops
// everything may be repeated after a crash; the key and the version guard in
// the destination make the repeat invisible.
//
// Begin with [New] and [Engine.Run]. Every run ends in a [Receipt] that says
// what became of each record; a run whose counts do not balance is an error.
//
// The package holds the vocabulary and the engine. Connectors, databases and
// journals are in packages of their own and are passed in as values; package
// all knows them by name.
package syncline
