package postgres

import (
	"context"
	"errors"
	"regexp"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/synclinehq/syncline/internal/sqltext"
)

// stage returns the session's temporary table for rows of these column types.
// It is empty outside a transaction.
func (s *session) stage(ctx context.Context, cols []sqltext.Column) (string, error) {
	var defs strings.Builder
	for i, c := range cols {
		defs.WriteString("c" + itoa(i) + " " + columnTypes[c.Type] + ", ")
	}
	if name, ok := s.stages[defs.String()]; ok {
		return name, nil
	}
	name := "_syncline_stage_" + itoa(len(s.stages)+1)
	_, err := s.PgConn().Exec(ctx, "CREATE TEMP TABLE "+name+" (place integer, "+defs.String()+"version bigint, tie bigint, hash bytea) ON COMMIT DELETE ROWS").ReadAll()
	if err != nil {
		return "", err
	}
	s.stages[defs.String()] = name
	return name, nil
}

// load sends rows to the stage.
func (s *session) load(ctx context.Context, stage string, c *copier) error {
	_, err := s.copy(ctx, "COPY "+stage+" FROM STDIN (FORMAT binary)", c)
	return err
}

// copy sends rows and returns how many the server took.
func (s *session) copy(ctx context.Context, sql string, c *copier) (int64, error) {
	c.buf = s.room[:0]
	tag, err := s.PgConn().CopyFrom(ctx, c, sql)
	s.room = c.buf
	if c.bad != nil {
		return 0, c.bad // the server only knows that the copying was given up
	}
	return tag.RowsAffected(), err
}

var number = regexp.MustCompile(`\d+`)

// refusedPlace returns which of the rows being copied the server refused. The
// server names it in the error's context, "COPY table, line 3, column c1", in
// whatever language it speaks.
func refusedPlace(err error, stage string) (int, bool) {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || !aboutRow(pg) {
		return 0, false
	}
	_, rest, found := strings.Cut(pg.Where, stage)
	if !found {
		return 0, false
	}
	line, err := strconv.Atoi(number.FindString(rest))
	return line - 1, err == nil && line > 0
}

// explain says why the server refuses a row, for its dead letter.
func explain(err error) string {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err.Error()
	}
	text := pg.Message
	if pg.Detail != "" {
		text += " (" + pg.Detail + ")"
	}
	if pg.ConstraintName != "" && !strings.Contains(text, pg.ConstraintName) {
		text += ", constraint " + pg.ConstraintName
	}
	return text + " [SQLSTATE " + pg.Code + "]"
}
