//go:build !mutant

package mutant

import (
	"os"
	"os/exec"
	"testing"
)

// TestEachMutantIsCaught is slow: it runs other tests again. It is part of
// scripts/test, which sets SYNCLINE_MUTANTS.
func TestEachMutantIsCaught(t *testing.T) {
	if os.Getenv("SYNCLINE_MUTANTS") == "" {
		t.Skip("set SYNCLINE_MUTANTS=1 to run")
	}
	passed := map[string]bool{}
	for _, b := range Bugs() {
		t.Run(b.Name, func(t *testing.T) {
			if key := b.Package + " " + b.Test; !passed[key] {
				if out, err := run(b, ""); err != nil {
					t.Fatalf("%s %s fails without any bug: %v\n%s", b.Package, b.Test, err, out)
				}
				passed[key] = true
			}
			if out, err := run(b, b.Name); err == nil {
				t.Errorf("the suite does not notice: %s\n%s", b.What, out)
			}
		})
	}
}

func run(b Bug, name string) ([]byte, error) {
	cmd := exec.Command("go", "test", "-tags", "mutant,failpoint", "-count=1", "-failfast", "-run", b.Test, b.Package)
	cmd.Dir = "../.."
	cmd.Env = append(os.Environ(), "SYNCLINE_MUTANT="+name)
	return cmd.CombinedOutput()
}
