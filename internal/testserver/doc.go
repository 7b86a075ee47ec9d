// Package testserver starts real database servers for tests.
//
// [Postgres] gives the one PostgreSQL server of the test process, started on
// first use; [StartPostgres] starts a private one that a test may stop, kill
// and restart. [PG.NewDatabase] gives each test a database of its own.
//
// A server never outlives the test process, however that ends: it is the child
// of a small supervisor that reads from a pipe held open by the test process
// and stops the server when the pipe closes. No TestMain is needed.
//
// Set SYNCLINE_TEST_POSTGRES to the URI of a superuser on a running server to
// use that instead, and SYNCLINE_TEST_PGBIN to the directory of the programs of
// another PostgreSQL version. Without any server a test is skipped, in CI (the
// variable CI is set) it fails.
package testserver
