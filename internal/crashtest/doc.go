// Package crashtest proves what Syncline promises about crashes, with the real
// program: `syncline` is built, run as a child process against a made-up API
// and a real database, killed, and run again.
//
// The API lives in the test process and survives all kills, so that what it
// holds at the end is the truth the database is compared with. After a kill the
// journal and the database are read with connections of the tests' own before
// anything is repaired: the stored position must not be ahead of the rows, and
// no row may have gone back to an older version.
//
// The tests need the build tag failpoint; without it only a short one runs:
//
//	go test -tags failpoint ./internal/crashtest
//
// SYNCLINE_KILLS sets the number of lives of the random kill tests and
// SYNCLINE_SEED their seed.
package crashtest
