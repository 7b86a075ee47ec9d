//go:build failpoint

package failpoint

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Enabled is true if the program was built with the tag failpoint.
const Enabled = true

// Env is the environment variable that arms points.
const Env = "SYNCLINE_FAILPOINT"

type trap struct {
	action string // kill, panic, error, sleep
	sleep  time.Duration
	at     int // the hit that triggers
	hits   int
}

var (
	mu    sync.Mutex
	traps = map[string]*trap{}
)

func init() {
	if err := Arm(os.Getenv(Env)); err != nil {
		panic(Env + ": " + err.Error())
	}
}

// Arm replaces the armed points by those of spec, in the form the environment
// variable has. Hits are counted from here. An empty spec disarms all.
func Arm(spec string) error {
	armed := map[string]*trap{}
	for _, part := range strings.Split(spec, ";") {
		if part == "" {
			continue
		}
		name, t, err := parse(part)
		if err != nil {
			return err
		}
		armed[name] = t
	}
	mu.Lock()
	defer mu.Unlock()
	traps = armed
	return nil
}

func parse(part string) (string, *trap, error) {
	name, action, ok := strings.Cut(part, "=")
	if !ok || !slices.Contains(names, name) {
		return "", nil, fmt.Errorf("%q: want name=action with a name of failpoint.Names", part)
	}
	t := &trap{at: 1}
	if a, n, ok := strings.Cut(action, "@"); ok {
		at, err := strconv.Atoi(n)
		if err != nil || at < 1 {
			return "", nil, fmt.Errorf("%q: the hit after @ must be a number from 1", part)
		}
		action, t.at = a, at
	}
	action, arg, hasArg := strings.Cut(action, ":")
	t.action = action
	switch {
	case action == "sleep" && hasArg:
		d, err := time.ParseDuration(arg)
		if err != nil || d < 0 {
			return "", nil, fmt.Errorf("%q: want sleep:DURATION such as sleep:10s", part)
		}
		t.sleep = d
	case !hasArg && slices.Contains([]string{"kill", "panic", "error"}, action):
	default:
		return "", nil, fmt.Errorf("%q: the action must be kill, panic, error or sleep:DURATION", part)
	}
	return name, t, nil
}

// Hit passes a point and does what it was armed for.
func Hit(name string) error {
	if !slices.Contains(names, name) {
		panic("failpoint: unknown point " + strconv.Quote(name))
	}
	t, due := count(name)
	if !due {
		return nil
	}
	switch t.action {
	case "kill":
		kill()
	case "panic":
		panic("failpoint: " + name)
	case "sleep":
		time.Sleep(t.sleep)
	case "error":
		return &Error{Name: name}
	}
	return nil
}

func count(name string) (t *trap, due bool) {
	mu.Lock()
	defer mu.Unlock()
	t = traps[name]
	if t == nil {
		return nil, false
	}
	t.hits++
	return t, t.hits == t.at
}

// kill ends the process as kill -9 does: nothing deferred runs. The signal is
// delivered asynchronously, so wait for it rather than run on.
func kill() {
	p, err := os.FindProcess(os.Getpid())
	if err == nil {
		err = p.Kill()
	}
	if err != nil {
		panic("failpoint: cannot kill the own process: " + err.Error())
	}
	select {}
}

// Error is what an armed error action returns.
type Error struct {
	Name string // the point
}

func (e *Error) Error() string { return "failpoint " + e.Name }
