// Package ledger is the bookkeeping that every SQL destination keeps beside the
// data, in tables named _syncline_*: what the rows of those tables mean, how
// they are checked, and the errors that follow. The statements are the
// destination's own.
package ledger
