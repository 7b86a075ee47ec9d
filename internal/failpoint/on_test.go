//go:build failpoint

package failpoint

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"
)

const point = "journal.append.before_commit"

func TestErrorAtNthHit(t *testing.T) {
	arm(t, point+"=error@3;collect.before_append=error")
	for i := 1; i <= 5; i++ {
		err := Hit(point)
		var fe *Error
		if got := errors.As(err, &fe); got != (i == 3) {
			t.Errorf("hit %d: %v", i, err)
		}
	}
	if Hit("collect.before_append") == nil {
		t.Error("second point of the list did not fire")
	}
	if err := Hit("collect.after_append"); err != nil {
		t.Errorf("point that is not armed: %v", err)
	}
}

func TestPanicAndSleep(t *testing.T) {
	arm(t, point+"=panic;collect.before_append=sleep:1ms")
	start := time.Now()
	if err := Hit("collect.before_append"); err != nil || time.Since(start) < time.Millisecond {
		t.Errorf("sleep: %v after %v", err, time.Since(start))
	}
	for name, want := range map[string]bool{point: true, "no.such.point": true, "collect.after_append": false} {
		if got := panics(func() { _ = Hit(name) }); got != want {
			t.Errorf("%s: panics %v, want %v", name, got, want)
		}
	}
}

func TestKill(t *testing.T) {
	if os.Getenv("FAILPOINT_CHILD") != "" {
		_ = Hit(point)
		os.Exit(7)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestKill$")
	cmd.Env = append(os.Environ(), "FAILPOINT_CHILD=1", Env+"="+point+"=kill")
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) {
		t.Fatalf("child was not killed: %v", err)
	}
	if ws := exit.Sys().(syscall.WaitStatus); ws.Signal() != syscall.SIGKILL {
		t.Errorf("child ended with %v", exit)
	}
}

func TestArmRefusesNonsense(t *testing.T) {
	for _, spec := range []string{"x", "x=kill", point, point + "=", point + "=stab", point + "=kill@0",
		point + "=kill@x", point + "=sleep", point + "=sleep:soon", point + "=error:1"} {
		if err := Arm(spec); err == nil {
			t.Errorf("%q was taken", spec)
		}
	}
}

func arm(t *testing.T, spec string) {
	t.Helper()
	if err := Arm(spec); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = Arm("") })
}

func panics(f func()) (yes bool) {
	defer func() { yes = recover() != nil }()
	f()
	return false
}
