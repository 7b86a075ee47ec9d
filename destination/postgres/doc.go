// Package postgres makes batches visible in a PostgreSQL database, version 12
// or newer.
//
// A write is one transaction: rows, position, run ledger and dead letters are
// there together or not at all. The rows go by binary COPY into a temporary
// table of the connection, encoded from the batch's columns without a value in
// between, and from there in one statement into the data table; the statement
// decides by version which rows it writes and says what became of each. While a
// table is being filled with new rows they are copied into it directly, and by
// way of the temporary table only where that is refused.
//
// Bool is boolean, Int64 bigint, Float64 double precision, Decimal numeric,
// String text, Bytes bytea, Time timestamptz, Date date, JSON jsonb.
//
// Begin with open.go, then write.go, merge.go and direct.go.
package postgres
