// Package catalog describes what Syncline can connect, as data.
//
// A [Connector], a [Destination] or a [Journal] declares its options once, as a
// list of [Option]. That one list is what makes the command line's flags, the
// questions of the guided set-up, the check of syncline.yaml, its JSON Schema
// and the tables in the documentation, so none of them can disagree.
//
// A [Pipeline] is one source, one destination and one journal by name with
// their values; [Catalog.Open] makes an engine of it. The package knows no
// connector itself: the catalogue is filled in package all.
package catalog
