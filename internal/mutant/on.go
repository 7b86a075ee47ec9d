//go:build mutant

package mutant

import "os"

var alive = os.Getenv("SYNCLINE_MUTANT")

// On reports whether the named bug is alive.
func On(name string) bool { return alive == name }
