package rest

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is a time.Duration written as "90s", "36h" or "30d".
type Duration time.Duration

// UnmarshalText reads what time.ParseDuration reads, and days.
func (d *Duration) UnmarshalText(b []byte) error {
	s := string(b)
	total := time.Duration(0)
	if days, rest, ok := strings.Cut(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return fmt.Errorf("%q is not a duration such as 30s, 36h or 30d", s)
		}
		total, s = time.Duration(n)*24*time.Hour, rest
		if s == "" {
			*d = Duration(total)
			return nil
		}
	}
	v, err := time.ParseDuration(s)
	if err != nil || v < 0 {
		return fmt.Errorf("%q is not a duration such as 30s, 36h or 30d", b)
	}
	*d = Duration(total + v)
	return nil
}

// MarshalText writes days where there are whole ones.
func (d Duration) MarshalText() ([]byte, error) {
	const day = 24 * time.Hour
	if v := time.Duration(d); v > 0 && v%day == 0 {
		return fmt.Appendf(nil, "%dd", v/day), nil
	}
	return []byte(time.Duration(d).String()), nil
}

// Size is a number of bytes written as "32MiB".
type Size int64

// UnmarshalText reads a number with KiB, MiB, GiB or nothing behind it.
func (z *Size) UnmarshalText(b []byte) error {
	s, unit := string(b), int64(1)
	for i, suffix := range []string{"KiB", "MiB", "GiB"} {
		if rest, ok := strings.CutSuffix(s, suffix); ok {
			s, unit = rest, 1<<(10*(i+1))
		}
	}
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 32)
	if err != nil || n < 0 {
		return fmt.Errorf("%q is not a size such as 512KiB or 32MiB", b)
	}
	*z = Size(n * unit)
	return nil
}

// Status is an HTTP status or a range of them.
type Status struct{ From, To int }

// UnmarshalText reads "404" or "500-599".
func (s *Status) UnmarshalText(b []byte) error {
	from, to, ok := strings.Cut(string(b), "-")
	if !ok {
		to = from
	}
	var err1, err2 error
	s.From, err1 = strconv.Atoi(from)
	s.To, err2 = strconv.Atoi(to)
	if err1 != nil || err2 != nil || s.From < 100 || s.To > 599 || s.From > s.To {
		return fmt.Errorf("%q is not a status such as 404 or 500-599", b)
	}
	return nil
}
