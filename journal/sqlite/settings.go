package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"runtime"
	"slices"
	"strings"

	"github.com/synclinehq/syncline"
)

// pageSize of new files. With 4 KiB a small event rewrites little, and a block
// of 10 KiB still takes only three pages.
const pageSize = 4096

// walKeep is the size to which the write-ahead log is cut when it is reused.
const walKeep = 16 << 20

// writerPragmas are the settings of the connection that writes. Checkpoints are
// the writer's own business, see checkpoint.go.
var writerPragmas = []string{
	fmt.Sprintf("page_size(%d)", pageSize),
	"journal_mode(WAL)",
	"synchronous(FULL)",
	"fullfsync(1)",
	"checkpoint_fullfsync(1)",
	"wal_autocheckpoint(0)",
	fmt.Sprintf("journal_size_limit(%d)", walKeep),
	"cache_size(-8192)",
	"temp_store(MEMORY)",
	"trusted_schema(OFF)",
}

// readerPragmas are the settings of the connections that read.
var readerPragmas = []string{"busy_timeout(5000)", "query_only(1)", "cache_size(-2048)", "trusted_schema(OFF)"}

// dsn returns the data source name for a path. The form with a URI is the only
// one in which SQLite sees mode.
func dsn(path, mode string, pragmas []string) string {
	q := url.Values{"mode": {mode}, "_pragma": pragmas}
	slashed := strings.ReplaceAll(path, `\`, "/")
	if runtime.GOOS != "windows" {
		slashed = path
	}
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed
	}
	return (&url.URL{Scheme: "file", Path: slashed, RawQuery: q.Encode()}).String()
}

// configure sets the writer's settings one by one, more in place of those of
// the same name. In a data source name the driver would sort them.
func configure(ctx context.Context, c *sql.Conn, path string, more []string) error {
	name := func(pragma string) string {
		return strings.ToLower(strings.TrimSpace(strings.SplitN(pragma, "(", 2)[0]))
	}
	all := slices.DeleteFunc(slices.Clone(writerPragmas), func(p string) bool {
		return slices.ContainsFunc(more, func(m string) bool { return name(m) == name(p) })
	})
	for _, p := range append(all, more...) {
		if _, err := c.ExecContext(ctx, "PRAGMA "+p); err != nil {
			return storeError(path, "set "+p, err)
		}
	}
	return nil
}

// need is a setting without which a confirmed append may be lost.
type need struct {
	name string
	ok   func(found string) bool
	want string
}

var needs = []need{
	{"journal_mode", func(v string) bool { return v == "wal" }, "wal"},
	{"synchronous", func(v string) bool { return v == "2" || v == "3" }, "2 (FULL) or 3 (EXTRA)"},
	{"fullfsync", func(v string) bool { return v == "1" }, "1"},
	{"checkpoint_fullfsync", func(v string) bool { return v == "1" }, "1"},
}

// preflight reads the settings back and refuses weaker ones: asking for them is
// not having them.
func preflight(ctx context.Context, c *sql.Conn, path string) error {
	for _, n := range needs {
		var found string
		if err := c.QueryRowContext(ctx, "PRAGMA "+n.name).Scan(&found); err != nil {
			return storeError(path, "read the setting "+n.name, err)
		}
		if !n.ok(strings.ToLower(found)) {
			return &syncline.Error{Code: syncline.CodeJournalWeak, Class: syncline.Fatal, Where: "journal " + path,
				What: fmt.Sprintf("setting %s is %s, but needed is %s: a confirmed entry could be lost in a power cut", n.name, found, n.want),
				Fix:  "Remove the setting that weakens it, or put the journal on a local disk that supports it"}
		}
	}
	return nil
}
