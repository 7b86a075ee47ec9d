package sqlite

import "golang.org/x/sys/unix"

var remote = map[string]string{
	"nfs": "NFS", "smbfs": "SMB", "afpfs": "AFP", "webdav": "WebDAV", "macfuse": "FUSE", "osxfuse": "FUSE",
}

// remoteFilesystem returns the name of the network file system that dir is on,
// "" if it is a local one.
func remoteFilesystem(dir string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "", err
	}
	return remote[unix.ByteSliceToString(st.Fstypename[:])], nil
}
