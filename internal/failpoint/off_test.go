//go:build !failpoint

package failpoint

import "testing"

func TestOffDoesNothing(t *testing.T) {
	t.Setenv("SYNCLINE_FAILPOINT", "journal.append.begin=panic")
	if err := Hit("journal.append.begin"); err != nil {
		t.Fatal(err)
	}
	if err := Hit("no.such.point"); err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(100, func() { _ = Hit("journal.append.begin") }); n != 0 {
		t.Errorf("%v allocations per hit", n)
	}
}

func TestNamesAreDistinct(t *testing.T) {
	seen := map[string]bool{}
	for _, n := range Names() {
		if seen[n] {
			t.Errorf("%s is listed twice", n)
		}
		seen[n] = true
	}
}
