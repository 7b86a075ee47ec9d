// Package sqlite makes batches visible in an SQLite file.
//
// A write is one immediate transaction: rows, position, run ledger and dead
// letters are there together or not at all, and with synchronous=FULL a
// confirmed write survives a power cut. Readers of the file (write-ahead log)
// are never blocked.
//
// Tables are STRICT: a column holds values of its type only. Bool is INTEGER 0
// or 1, Int64 INTEGER, Float64 REAL, Bytes BLOB; Decimal, String and JSON are
// TEXT as the source sent them; Date is TEXT YYYY-MM-DD and Time TEXT in RFC
// 3339 UTC with six fraction digits, so that both sort as text.
//
// The package calls SQLite through its C interface as modernc.org/sqlite/lib
// has it in Go, without cgo and without database/sql, because that saves two
// thirds of the cost of a bound value; see conn.go. Begin with open.go, then
// write.go.
package sqlite
