// Package mutant plants known bugs, so that it can be shown that the test suite
// catches them. A planted bug is code that asks [On]; without the build tag
// "mutant" the answer is a constant false and the compiler removes the branch.
// With it, the bug named by SYNCLINE_MUTANT is alive.
//
// TestEachMutantIsCaught builds the suite with each bug in turn and demands
// that the test named beside it fails, and that it passes without the bug.
package mutant

// Bug is one planted bug and the test that must catch it.
type Bug struct {
	Name    string
	What    string
	Package string // of the test
	Test    string // -run pattern
}

// Bugs returns all planted bugs.
func Bugs() []Bug {
	return []Bug{
		{"cursor_before_data", "the cursor is stored in a step before the records", "./internal/crashtest", "^TestCrashMatrixSQLite$"},
		{"position_before_rows", "the destination's position is committed before the rows", "./destination/sqlite", "^TestConformance$"},
		{"index_in_memory", "the hash index is kept beside the data, so it hides a lost row", ".", "^TestLostRowComesBack$"},
		{"guard_outside", "older-over-newer is decided by reading first, not in the statement", "./destination/sqlite", "^TestConformance$"},
		{"no_anchor", "pages are taken without looking for an already read row", "./source/rest", "^TestPagingSimulation$"},
		{"short_page_ends", "a short first page is taken for the last without a second look", "./source/rest", "^TestSilentCap$"},
		{"watermark_max_seen", "the next pull starts at the largest time seen", "./source/rest", "^TestPagingSimulation$"},
		{"strict_cursor", "the next pull asks for strictly later rows, without overlap", "./source/rest", "^TestIncremental$"},
		{"sync_normal", "the journal does not wait for the disk", "./journal/sqlite", "^TestConformance$"},
		{"dead_after_position", "dead letters are stored after the position, in a step of their own", "./destination/sqlite", "^TestConformance$"},
		{"float_money", "decimals go through float64", "./destination/sqlite", "^TestConformance$"},
		{"no_tie_rule", "equal versions: whoever comes last wins", "./destination/sqlite", "^TestConformance$"},
	}
}
