//go:build !linux

package journaltest

import (
	"errors"
	"io"
	"testing"
)

func testSyncBeforeConfirm(t *testing.T, _ Harness) { t.Skip("needs strace, which is of Linux") }
func testPowerLoss(t *testing.T, _ Harness)         { t.Skip("needs strace, which is of Linux") }
func testDiskFull(t *testing.T, _ Harness)          { t.Skip("needs mount namespaces, which are of Linux") }

func fillDisk(Harness, string, io.Writer) error { return errors.ErrUnsupported }
