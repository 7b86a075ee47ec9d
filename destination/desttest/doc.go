// Package desttest is the conformance suite of destinations: what
// [syncline.Destination] promises, each promise as a test that can fail.
//
// A destination's test file says how to get an empty database and how to look
// into it with a program that is not Syncline, and calls [Run]. [Benchmark]
// measures Write on payments of 22 columns.
//
// Names of tests carry the number of the guarantee or fault they stand for.
package desttest
