//go:build !failpoint

package failpoint

// Enabled is true if the program was built with the tag failpoint.
const Enabled = false

// Hit passes a point. Built without the tag failpoint it does nothing.
func Hit(name string) error { return nil }
