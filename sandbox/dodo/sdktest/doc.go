// Package sdktest holds tests only: the vendor's own client libraries, pinned,
// read everything the sandbox has, and what they read is compared with what
// the sandbox knows it holds. A client that fails here would fail in a user's
// program, or the sandbox is not like the vendor's API.
//
// lists.mjs uses the TypeScript library, gosdk (a module of its own, so that
// this one does not depend on the library) the Go one. Both read an input from
// stdin and write a report to stdout, as declared in report_test.go.
package sdktest
