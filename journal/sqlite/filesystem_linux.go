package sqlite

import "golang.org/x/sys/unix"

// remote names file systems on which locks, shared memory or syncing are
// another machine's or a program's promise, by their magic number in statfs.
var remote = map[int64]string{
	unix.NFS_SUPER_MAGIC:  "NFS",
	unix.SMB_SUPER_MAGIC:  "SMB",
	unix.SMB2_SUPER_MAGIC: "SMB",
	unix.CIFS_SUPER_MAGIC: "CIFS",
	unix.FUSE_SUPER_MAGIC: "FUSE",
	unix.AFS_SUPER_MAGIC:  "AFS",
	unix.AFS_FS_MAGIC:     "AFS",
	unix.CEPH_SUPER_MAGIC: "Ceph",
	unix.CODA_SUPER_MAGIC: "Coda",
	unix.NCP_SUPER_MAGIC:  "NCP",
	unix.V9FS_MAGIC:       "9P",
	0x0bd00bd0:            "Lustre",
	0x47504653:            "GPFS",
	0x01161970:            "GFS2",
	0x7461636f:            "OCFS2",
	0x786f4256:            "a folder shared by VirtualBox",
	0xbacbacbc:            "a folder shared by VMware",
}

// remoteFilesystem returns the name of the network file system that dir is on,
// "" if it is a local one.
func remoteFilesystem(dir string) (string, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return "", err
	}
	return remoteName(int64(st.Type)), nil //nolint:unconvert // not an int64 everywhere
}

// remoteName looks up the low 32 bits: the type's width and sign differ between
// architectures.
func remoteName(magic int64) string { return remote[int64(uint32(magic))] }
