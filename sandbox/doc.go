// Package sandbox holds what every vendor fake shares: a clock that can be
// moved, a two-window rate limiter, fault injection, request counters, and a
// sender of signed webhooks.
//
// The fakes themselves are sub-packages, one per vendor. Start with
// [github.com/synclinehq/syncline/sandbox/dodo].
//
// Nothing here reads the wall clock except through [Clock], and nothing is
// random except through a seed, so a test that repeats its inputs repeats its
// outcome.
package sandbox
