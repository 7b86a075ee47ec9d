//go:build !linux && !darwin

package sqlite

// remoteFilesystem cannot tell on this system.
func remoteFilesystem(dir string) (string, error) { return "", nil }
