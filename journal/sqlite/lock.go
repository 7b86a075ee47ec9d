package sqlite

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/synclinehq/syncline"
)

// processLock is held by the one process that writes a journal. The lock file
// is never removed: removing it would let two processes hold locks on two files
// of one name.
type processLock struct{ file *os.File }

func lockJournal(path string) (*processLock, error) {
	f, err := os.OpenFile(path+".lock", os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, unusable(path, "open its lock file", err)
	}
	taken, err := tryLock(f)
	if err != nil {
		_ = f.Close()
		return nil, unusable(path, "lock it", err)
	}
	if !taken {
		defer f.Close()
		return nil, lockedError(path, f)
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		_ = f.Close()
		return nil, unusable(path, "write its lock file", err)
	}
	return &processLock{f}, nil
}

func lockedError(path string, f *os.File) error {
	holder := "another process"
	b, _ := io.ReadAll(io.LimitReader(f, 32))
	if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil {
		holder = fmt.Sprintf("process %d", pid)
		if pid == os.Getpid() {
			holder = "this process"
		}
	}
	return &syncline.Error{Code: syncline.CodeLocked, Class: syncline.Fatal, Where: "journal " + path,
		What: holder + " is working on this journal", Fix: "Wait until it ends or stop it, or use another journal for this pipeline"}
}

// release gives the lock back.
func (l *processLock) release() error {
	_ = l.file.Truncate(0)
	return l.file.Close()
}

// unusable is a failure of the file system around the journal.
func unusable(path, doing string, err error) error {
	return &syncline.Error{Code: syncline.CodeJournalDown, Class: syncline.Fatal, Where: "journal " + path,
		What: "cannot " + doing, Err: err, Fix: "Check that the directory exists and that this user may write to it"}
}
