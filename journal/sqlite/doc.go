// Package sqlite keeps the journal in one SQLite file on a local disk.
//
// What [Journal.Append] has confirmed survives a power cut: the file is in WAL
// mode with synchronous=FULL, [Open] reads both back and refuses anything
// weaker. One goroutine writes. Appends that arrive while it commits are
// committed together by the next commit, with one sync of the disk, and each
// caller learns its own result (group commit). Reads have connections of their
// own and never wait for a write.
//
// One process writes: it holds a lock on the file PATH.lock. Others may open
// the journal read-only at the same time, as `syncline status` does.
//
// Positions count 1, 2, 3 ... within a stream without gaps. So a reader at
// position p either finds p+1 or knows that an entry is lost, and a position
// can be compared with [Journal.Bounds] exactly.
//
// Begin with open.go, then append.go and writer.go; schema.go describes the
// file.
package sqlite
