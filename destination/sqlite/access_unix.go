//go:build unix

package sqlite

import "golang.org/x/sys/unix"

// writableFile reports whether this user may write a file, or make files in a
// directory.
func writableFile(path string) bool { return unix.Access(path, unix.W_OK) == nil }
