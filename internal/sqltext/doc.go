// Package sqltext makes the parts of SQL statements that cannot be bound:
// identifiers derived from the names of fields, quoted, and lists of them.
//
// Field names are kept as they are wherever the database can hold them, so that
// a column is found under the name the API gives it; [Dialect.Name] says what
// happens to the others, and [Dialect.Extend] gives the fields of one table
// distinct columns that never change their names again.
package sqltext
