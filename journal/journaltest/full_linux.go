package journaltest

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/synclinehq/syncline"
)

// testDiskFull runs a child on a disk of 1 MiB: a tmpfs in a mount namespace of
// the child's own.
func testDiskFull(t *testing.T, h Harness) {
	needed(t, h.OnDisk, "the journal does not write files from its own process")
	c := startChild(t, childFull, t.TempDir(), nil)
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Getuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getgid(), Size: 1}}
	}
	c.cmd.SysProcAttr = attr
	if err := c.cmd.Start(); err != nil {
		needed(t, false, "no mount namespace: "+err.Error())
	}
	_ = c.cmd.ExtraFiles[0].Close()
	last := ""
	for c.lines.Scan() {
		last = c.lines.Text()
		t.Log(last)
		if strings.HasPrefix(last, "cannot mount") {
			needed(t, false, last)
		}
	}
	if err := c.cmd.Wait(); err != nil || last != "ok" {
		t.Errorf("child: %v", err)
	}
}

// fillDisk is the child's part.
func fillDisk(h Harness, dir string, report io.Writer) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		fmt.Fprintf(report, "cannot mount: %v\n", err)
		return nil
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=1m"); err != nil {
		fmt.Fprintf(report, "cannot mount: %v\n", err)
		return nil
	}
	ballast := filepath.Join(dir, "ballast")
	if err := os.WriteFile(ballast, make([]byte, 400<<10), 0o600); err != nil {
		return err
	}
	c := newClock()
	j, err := h.Open(filepath.Join(dir, "journal"), c.now)
	if err != nil {
		return err
	}
	full, err := appendUntilFull(j)
	if err != nil {
		return err
	}
	fmt.Fprintf(report, "full after %d appends\n", full)
	if err := checkUnit(j, full); err != nil {
		return fmt.Errorf("while full: %w", err)
	}
	if err := os.Remove(ballast); err != nil {
		return err
	}
	// The same append again, without a restart.
	es, cur := unit(0, full+1)
	if err := j.Append(ctx, es, cur); err != nil {
		return fmt.Errorf("after space was freed: %w", err)
	}
	if err := errors.Join(checkUnit(j, full+1), j.Close()); err != nil {
		return err
	}
	if j, err = h.Open(filepath.Join(dir, "journal"), c.now); err != nil {
		return err
	}
	if err := errors.Join(checkUnit(j, full+1), j.Close()); err != nil {
		return fmt.Errorf("after a restart: %w", err)
	}
	fmt.Fprintln(report, "ok")
	return nil
}

// appendUntilFull returns how many appends were confirmed. The full disk must
// be told several times over, as a full disk, and as something that passes.
func appendUntilFull(j syncline.Journal) (int, error) {
	for n := 1; ; n++ {
		es, cur := unit(0, n)
		err := j.Append(ctx, es, cur)
		if err == nil {
			if n > 10000 {
				return 0, errors.New("the disk does not get full")
			}
			continue
		}
		for range 3 {
			if syncline.CodeOf(err) != syncline.CodeJournalFull || syncline.ClassOf(err) != syncline.Transient {
				return 0, fmt.Errorf("append %d on a full disk: %w", n, err)
			}
			big, _ := unit(1, n)
			if err = j.Append(ctx, big); err == nil {
				break // a smaller one may still fit
			}
		}
		return n - 1, nil
	}
}

// checkUnit checks that units 1 to n of writer 0 are there, and no more.
func checkUnit(j syncline.Journal, n int) error {
	own, err := readAll(j, "w0", 0, 1<<20)
	if err != nil {
		return err
	}
	done, err := unitsDone(j, 0)
	if err != nil || done != n || len(own) != n {
		return fmt.Errorf("%d entries and cursor %d, want %d: %w", len(own), done, n, err)
	}
	for i, e := range own {
		if es, _ := unit(0, i+1); string(es[0].Block) != string(e.Block) {
			return fmt.Errorf("entry %d has changed", i+1)
		}
	}
	return nil
}
