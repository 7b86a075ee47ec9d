package testserver

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Shutdown is how a server ends.
type Shutdown string

// The ways a server ends.
const (
	Fast      Shutdown = "INT"  // ends sessions, writes everything
	Immediate Shutdown = "QUIT" // drops sessions, recovers at the next start
	Crash     Shutdown = "KILL" // as with kill -9
)

// pgServer is a server process with its data.
type pgServer struct {
	bin  string
	dir  string // holds data, socket and log
	port int
	args []string
	own  bool // the supervisor removes dir at the end

	mu    sync.Mutex
	super *exec.Cmd
	hold  io.WriteCloser // the supervisor ends the server when this closes
}

// supervise runs the server until standard input ends. The arguments are the
// directory, whether to remove it, and the command line.
const supervise = `dir=$1 own=$2; shift 2
"$@" >>"$dir/log" 2>&1 </dev/null &
pid=$!
read -r how
kill -"${how:-QUIT}" $pid 2>/dev/null
wait $pid
[ "$own" = true ] && rm -rf "$dir"
exit 0`

// credential is the user to run servers as: PostgreSQL refuses to run as root.
func credential() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errU := strconv.ParseUint(u.Uid, 10, 32)
		gid, errG := strconv.ParseUint(u.Gid, 10, 32)
		if errU == nil && errG == nil {
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("%w: running as root, and there is no user postgres or nobody to run it as", errNoServer)
}

// command prepares a program that runs as the server's user, in a process group
// of its own so that an interrupt from the keyboard does not reach it.
func command(cred *syscall.Credential, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: cred, Setpgid: true}
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "LC_ALL=C", "TZ=UTC"}
	return cmd
}

// createServer lays out the data of a new server.
func createServer(bin string, o Options, own bool) (*pgServer, error) {
	cred, err := credential()
	if err != nil {
		return nil, err
	}
	template, err := templateData(bin, cred)
	if err != nil {
		return nil, err
	}
	dir, err := ownedDir(cred)
	if err != nil {
		return nil, err
	}
	if out, err := exec.Command("cp", "-a", template, filepath.Join(dir, "data")).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("copy of %s: %w: %s", template, err, out)
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	s := &pgServer{bin: bin, dir: dir, port: port, own: own}
	s.args = []string{filepath.Join(bin, "postgres"), "-D", filepath.Join(dir, "data"), "-p", strconv.Itoa(port),
		"-k", dir, "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c", "wal_level=logical",
		"-c", "fsync=" + strconv.FormatBool(o.Durable)}
	for name, value := range o.Settings {
		s.args = append(s.args, "-c", name+"="+value)
	}
	return s, nil
}

// ownedDir makes a directory for the server's user that it can reach.
func ownedDir(cred *syscall.Credential) (string, error) {
	dir, err := os.MkdirTemp("", "syncline-pg-")
	if err != nil {
		return "", err
	}
	if cred != nil {
		if err := os.Chown(dir, int(cred.Uid), int(cred.Gid)); err != nil {
			return "", err
		}
	}
	return dir, os.Chmod(dir, 0o755)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// access lets in everybody but the role that must give a password.
const access = `host all with_password 127.0.0.1/32 scram-sha-256
host all all 127.0.0.1/32 trust
local all all trust
`

// templateData returns the data directory that new servers are copied from. It
// is kept between runs by version; processes that make it at the same time each
// make their own, and the first to move it into place wins.
func templateData(bin string, cred *syscall.Credential) (string, error) {
	version, err := exec.Command(filepath.Join(bin, "postgres"), "--version").Output()
	if err != nil {
		return "", fmt.Errorf("%w: %s/postgres --version: %w", errNoServer, bin, err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	cache = filepath.Join(cache, "syncline-testserver")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	uid := os.Getuid()
	if cred != nil {
		uid = int(cred.Uid)
	}
	sum := sha256.Sum256([]byte(fmt.Sprint(string(version), uid, access, PasswordRole, Password)))
	final := filepath.Join(cache, "postgres-"+hex.EncodeToString(sum[:8]))
	if _, err := os.Stat(final); err == nil {
		return final, nil
	}
	return final, makeTemplate(bin, cred, final)
}

func makeTemplate(bin string, cred *syscall.Credential, final string) error {
	dir, err := ownedDir(cred)
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	data := filepath.Join(dir, "data")
	initdb := command(cred, dir, filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, out)
	}
	if err := os.WriteFile(filepath.Join(data, "pg_hba.conf"), []byte(access), 0o600); err != nil {
		return err
	}
	single := command(cred, dir, filepath.Join(bin, "postgres"), "--single", "-D", data, "postgres")
	single.Stdin = strings.NewReader("CREATE ROLE " + PasswordRole + " LOGIN SUPERUSER PASSWORD '" + Password + "'\n")
	if out, err := single.CombinedOutput(); err != nil {
		return fmt.Errorf("create role: %w: %s", err, out)
	}
	next := final + "." + strconv.Itoa(os.Getpid())
	defer os.RemoveAll(next)
	if out, err := exec.Command("cp", "-a", data, next).CombinedOutput(); err != nil {
		return fmt.Errorf("copy of the template: %w: %s", err, out)
	}
	if err := os.Rename(next, final); err != nil {
		if _, statErr := os.Stat(final); statErr != nil {
			return err
		}
	}
	return nil
}

// errOldProcesses is a start that came too early after a crash: processes of
// the killed server still hold its shared memory. They end by themselves.
var errOldProcesses = errors.New("processes of the killed server are still there")

// start runs the server and waits until it answers.
func (s *pgServer) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for deadline := time.Now().Add(30 * time.Second); ; {
		err := s.tryStart()
		if err == nil {
			return nil
		}
		s.end(Immediate)
		if !errors.Is(err, errOldProcesses) || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func (s *pgServer) tryStart() error {
	cred, err := credential()
	if err != nil {
		return err
	}
	args := append([]string{"-c", supervise, "supervise", s.dir, strconv.FormatBool(s.own)}, s.args...)
	cmd := command(cred, s.dir, "/bin/sh", args...)
	before := len(s.log())
	hold, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.super, s.hold = cmd, hold
	return s.await(before)
}

// await polls until the server answers a query; there is no event to wait for.
// The log is new from the offset on.
func (s *pgServer) await(offset int) error {
	uri := fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", s.port)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	for {
		c, err := pgconn.Connect(ctx, uri)
		if err == nil {
			return c.Close(ctx)
		}
		log := s.log()[offset:]
		if bytes.Contains(log, []byte("pre-existing shared memory block")) {
			return errOldProcesses
		}
		if ctx.Err() != nil || bytes.Contains(log, []byte("database system is shut down\n")) {
			return fmt.Errorf("server did not start: %w\n%s", err, log)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (s *pgServer) log() []byte {
	log, _ := os.ReadFile(filepath.Join(s.dir, "log"))
	return log
}

func (s *pgServer) running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.super != nil
}

// stop ends the server and waits until its process is gone.
func (s *pgServer) stop(how Shutdown) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.end(how)
}

func (s *pgServer) end(how Shutdown) {
	if s.super == nil {
		return
	}
	// If the supervisor is gone, so is the server: there is nothing to report.
	_, _ = io.WriteString(s.hold, string(how)+"\n")
	_ = s.hold.Close()
	_ = s.super.Wait()
	s.super, s.hold = nil, nil
	if how == Crash {
		// What the killed parent leaves behind would keep the next start out.
		os.Remove(filepath.Join(s.dir, "data", "postmaster.pid"))
	}
}
