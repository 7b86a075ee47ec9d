package sqlite

import "testing"

func TestNetworkFilesystemsAreKnown(t *testing.T) {
	// The kernel's numbers; types that are negative in a 32-bit statfs too.
	nfs, cifs, smb2, fuse := int64(0x6969), int64(-0xacb2be), int64(-0x1acb2be), int64(0x65735546)
	for name, magic := range map[string]int64{"NFS": nfs, "CIFS": cifs, "SMB": smb2, "FUSE": fuse, "": 0xef53} {
		if got := remoteName(magic); got != name {
			t.Errorf("%#x is %q, want %q", magic, got, name)
		}
	}
	if name, err := remoteFilesystem(t.TempDir()); name != "" || err != nil {
		t.Errorf("local directory: %q, %v", name, err)
	}
}
