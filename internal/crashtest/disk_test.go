//go:build failpoint && linux

package crashtest

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestCrashDiskFull runs with the journal, the destination, or both on a disk
// that is full, or becomes full on the way. The run must end red and say why,
// lose nothing, and the next one be green once there is room.
func TestCrashDiskFull(t *testing.T) {
	for _, c := range []struct {
		name          string
		journal, dest bool
		room          int // KiB that are left at first
	}{
		{"journal, no room to begin", true, false, 16},
		{"journal, fills up", true, false, 420},
		{"destination, no room to begin", false, true, 16},
		{"destination, fills up", false, true, 500},
		{"both, fill up", true, true, 900},
	} {
		t.Run(c.name, func(t *testing.T) {
			disk := newDisk(t, 16<<20)
			journal, data := "journal.db", filepath.Join(t.TempDir(), "data.db")
			inside := map[bool]string{true: disk.dir}
			r := newRig(t, nil, small, seed(t))
			if c.dest {
				data = filepath.Join(disk.dir, "data.db")
			}
			r.dest = &onDisk{sqliteFile{disk.outside(data)}, data}
			r.journal = filepath.Join(r.dir, journal)
			if c.journal {
				journal = filepath.Join(inside[true], "journal.db")
				r.journal = disk.outside(journal)
			}
			r.configure(journal)
			r.wrap = disk.command
			full(t, r, disk, c.room, !c.dest)
		})
	}
}

// full fills the disk but for some room, runs, makes room and runs again.
// patient tells that the program waits for room rather than end: it does for
// the journal, while a destination that is full ends the run.
func full(t *testing.T, r *rig, disk *disk, room int, patient bool) {
	disk.fill(t, room)
	c := r.start("", "--once", "--full")
	if r.untilFull(c) {
		c.signal(stopSignal) // it waits for room
	}
	o := c.wait(t)
	saysFull(t, o)
	r.afterKill("disk full")

	c = r.start("", "--once", "--full")
	waiting := r.untilFull(c)
	disk.free(t)
	o = c.wait(t)
	balanced(t, o)
	if waiting && patient && (o.exit != 0 || !o.last().Green) {
		t.Fatalf("the program waited for room, got it, and ends with exit code %d: %+v\n%s", o.exit, o.last().Receipt, o.log)
	}
	t.Logf("waits for room: %v", waiting)
	r.change(2)
	r.hooks.forget()
	r.green()
	r.settled("after making room")
	r.dest.check(t)
	integrity(t, r.journalPath())
	fullAgain(t, r, disk)
}

// fullAgain is the same on the way of a run that changes rows.
func fullAgain(t *testing.T, r *rig, disk *disk) {
	disk.fill(t, 8)
	r.change(100)
	r.hooks.forget()
	c := r.start("", "--once", "--full")
	if r.untilFull(c) {
		c.kill(t)
	} else {
		saysFull(t, c.wait(t))
	}
	r.afterKill("disk full again")
	disk.free(t)
	r.green()
	r.settled("after making room again")
	r.dest.check(t)
}

// saysFull checks that a run ended red and says that a disk is full.
func saysFull(t *testing.T, o outcome) {
	t.Helper()
	said := o.log + fmt.Sprintf("%+v", o.last().Receipt)
	if o.exit == 0 || o.crashed() || !strings.Contains(said, "journal_full") && !strings.Contains(said, "destination_full") {
		t.Errorf("the disk is full: exit code %d, and this is said:\n%s", o.exit, said)
	}
	balanced(t, o)
}

// untilFull waits until the program notices that a disk is full; it reports
// false if it ended by that.
func (r *rig) untilFull(c *child) bool {
	r.t.Helper()
	for deadline := time.Now().Add(patience); ; {
		select {
		case <-c.ended:
			return false
		case <-time.After(5 * time.Millisecond):
		}
		if strings.Contains(c.log.String(), "trying again") && strings.Contains(c.log.String(), "_full]") {
			return true
		}
		if time.Now().After(deadline) {
			r.t.Fatalf("nothing happens: %s", c.log)
		}
	}
}

// disk is a small file system that only the program sees under its name.
type disk struct {
	dir    string
	holder *exec.Cmd // keeps the mount namespace
	size   int
}

// newDisk mounts a tmpfs in a mount namespace of its own, so that nothing is
// left behind however the test ends.
func newDisk(t *testing.T, size int) *disk {
	t.Helper()
	d := &disk{dir: t.TempDir(), size: size}
	script := `mount --make-rprivate / && mount -t tmpfs -o size=` + strconv.Itoa(size) + ` tmpfs "$1" && echo mounted && read -r end`
	d.holder = exec.Command("unshare", "--mount", "sh", "-c", script, "disk", d.dir)
	in, err := d.holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := d.holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	err = d.holder.Start()
	if err == nil {
		if line, _ := bufio.NewReader(out).ReadString('\n'); line != "mounted\n" {
			err = errors.New("cannot mount a small file system in a namespace of its own; this needs root")
		}
	}
	if err != nil {
		if os.Getenv("CI") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { in.Close(); _ = d.holder.Wait() })
	return d
}

// outside returns a path by which the tests reach a file on the disk.
func (d *disk) outside(path string) string {
	if rest, ok := strings.CutPrefix(path, d.dir); ok {
		return fmt.Sprintf("/proc/%d/root%s%s", d.holder.Process.Pid, d.dir, rest)
	}
	return path
}

// command makes a command run where the disk is mounted.
func (d *disk) command(cmd *exec.Cmd) *exec.Cmd {
	pid := strconv.Itoa(d.holder.Process.Pid)
	there := []string{"--target", pid, "--mount", "sh", "-c", `cd "$0" && exec "$@"`, cmd.Dir}
	in := exec.Command("nsenter", append(there, cmd.Args...)...)
	in.Env = cmd.Env
	return in
}

// fill leaves so many KiB.
func (d *disk) fill(t *testing.T, room int) {
	t.Helper()
	var have int64
	files, _ := filepath.Glob(d.outside(d.dir) + "/*")
	for _, f := range files {
		if info, err := os.Stat(f); err == nil {
			have += (info.Size() + 4095) &^ 4095
		}
	}
	n := int64(d.size) - have - int64(room)<<10
	if n <= 0 {
		t.Fatalf("%d bytes are used already", have)
	}
	if err := os.WriteFile(d.outside(d.dir)+"/filler", make([]byte, n), 0o600); err != nil {
		t.Fatal(err)
	}
}

// free makes room.
func (d *disk) free(t *testing.T) {
	t.Helper()
	if err := os.Remove(d.outside(d.dir) + "/filler"); err != nil {
		t.Fatal(err)
	}
}

// onDisk is an SQLite destination that the program knows by another path than
// the tests.
type onDisk struct {
	sqliteFile
	inside string
}

func (d *onDisk) yaml() string { return sqliteFile{d.inside}.yaml() }
