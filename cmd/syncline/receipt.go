package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	syncline "github.com/synclinehq/syncline"
)

// showReceipt prints what became of every record. Runs of a repeating pipeline
// that go well take one line after the first.
func (a *app) showReceipt(r *syncline.Receipt, err error, next time.Duration, first bool) {
	if r == nil {
		if err != nil {
			a.errorLocked(err)
		}
		return
	}
	if !first && err == nil {
		a.printf("%s\n", a.receiptLine(r))
		return
	}
	printReceipt(a.out, r, a.receiptStyle())
	if next > 0 && !interrupted(r) {
		a.printf("next run at %s\n", r.Started.Add(next).Local().Format("15:04:05"))
	}
}

// errorLocked is errorf for callers that hold the live display.
func (a *app) errorLocked(err error) {
	fmt.Fprintln(a.err, a.paint(red, "error: ")+a.line(err.Error()))
}

func (a *app) receiptLine(r *syncline.Receipt) string {
	t := r.Total()
	state := a.paint(green, "green")
	switch {
	case interrupted(r):
		state = a.paint(yellow, "stopped")
	case !r.Green():
		state = a.paint(red, "red")
	}
	requests := 0
	for i := range r.Streams {
		requests += r.Streams[i].Requests
	}
	return fmt.Sprintf("%s  %s  %s in, %s written, %s unchanged, %s requests, %s", r.Ended.Local().Format("2006-01-02 15:04:05"), state,
		grouped(t.In()), grouped(t.Applied()), grouped(t.Unchanged), grouped(requests), seconds(r.Ended.Sub(r.Started)))
}

// style is how a receipt is printed.
type style struct {
	green, red, dim func(string) string
	clean           func(string) string
}

func (a *app) receiptStyle() style {
	tint := func(sgr string) func(string) string {
		return func(s string) string {
			if !a.outTerminal {
				return s
			}
			return a.paint(sgr, s)
		}
	}
	return style{tint(green), tint(red), tint(dim), a.line}
}

// column is one number of a stream's row. Columns after "=" are outcomes; they
// add up to the ones before it.
type column struct {
	title  string
	always bool
	in     bool
	of     func(*syncline.Counts) int
}

var columns = []column{
	{"fetched", true, true, func(c *syncline.Counts) int { return c.Fetched }},
	{"carried", false, true, func(c *syncline.Counts) int { return c.Carried }},
	{"events", false, true, func(c *syncline.Counts) int { return c.Events }},
	{"swept", false, true, func(c *syncline.Counts) int { return c.Swept }},
	{"inserted", true, false, func(c *syncline.Counts) int { return c.Inserted }},
	{"updated", true, false, func(c *syncline.Counts) int { return c.Updated }},
	{"deleted", false, false, func(c *syncline.Counts) int { return c.Deleted }},
	{"unchanged", true, false, func(c *syncline.Counts) int { return c.Unchanged }},
	{"duplicate", false, false, func(c *syncline.Counts) int { return c.Duplicate }},
	{"superseded", false, false, func(c *syncline.Counts) int { return c.Superseded }},
	{"rejected", false, false, func(c *syncline.Counts) int { return c.Rejected }},
	{"dead letters", false, false, func(c *syncline.Counts) int { return c.DeadLettered }},
	{"pending", false, false, func(c *syncline.Counts) int { return c.Pending }},
}

// printReceipt writes the receipt as a table whose rows balance visibly.
func printReceipt(w io.Writer, r *syncline.Receipt, s style) {
	fmt.Fprintf(w, "receipt %s  %s: %s -> %s  %s\n", r.Run, r.Pipeline, s.clean(r.Source), r.Destination, seconds(r.Ended.Sub(r.Started)))
	total := r.Total()
	var shown []column
	for _, c := range columns {
		if c.always || c.of(&total) != 0 {
			shown = append(shown, c)
		}
	}
	tail := proof(r)
	rows := [][]string{receiptHeader(shown, tail[0])}
	for i := range r.Streams {
		sr := &r.Streams[i]
		rows = append(rows, receiptRow(sr.Stream, &sr.Counts, shown, tail[i+1]))
	}
	if len(r.Streams) > 1 {
		rows = append(rows, receiptRow("total", &total, shown, tail[len(tail)-1]))
	}
	writeTable(w, rows)
	printVerdict(w, r, s)
}

// proof is the last columns: how many rows there are now and what was listed.
// A run that only delivered webhooks listed and counted nothing.
func proof(r *syncline.Receipt) [][]string {
	keys, live := 0, 0
	out := [][]string{{"|", "rows now", "keys", "hash"}}
	for i := range r.Streams {
		sr := &r.Streams[i]
		keys, live = keys+sr.Keys, live+sr.Rows
		out = append(out, []string{"|", grouped(sr.Rows), grouped(sr.Keys), fmt.Sprintf("%x", sr.ContentHash[:4])})
	}
	out = append(out, []string{"|", grouped(live), grouped(keys), ""})
	if keys == 0 && live == 0 {
		return make([][]string, len(out))
	}
	return out
}

func receiptHeader(shown []column, tail []string) []string {
	row := []string{"stream"}
	equals := false
	for i, c := range shown {
		if !c.in && !equals {
			row, equals = append(row, "="), true
		} else if i > 0 {
			row = append(row, "+")
		}
		row = append(row, c.title)
	}
	return append(row, tail...)
}

func receiptRow(name string, c *syncline.Counts, shown []column, tail []string) []string {
	row := []string{name}
	equals := false
	for i, col := range shown {
		if !col.in && !equals {
			sign := "="
			if c.In() != c.Out() {
				sign = "!="
			}
			row, equals = append(row, sign), true
		} else if i > 0 {
			row = append(row, "+")
		}
		row = append(row, grouped(col.of(c)))
	}
	return append(row, tail...)
}

// writeTable aligns columns: text left, numbers and signs right.
func writeTable(w io.Writer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			pad := strings.Repeat(" ", widths[i]-len([]rune(cell)))
			if i == 0 {
				b.WriteString("  " + cell + pad)
			} else {
				b.WriteString(" " + pad + cell)
			}
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}

func printVerdict(w io.Writer, r *syncline.Receipt, s style) {
	t := r.Total()
	if r.Green() {
		fmt.Fprintln(w, s.green(fmt.Sprintf("green: %s in, %s accounted for, %s rows written", grouped(t.In()), grouped(t.Out()), grouped(t.Applied()))))
	} else if interrupted(r) {
		fmt.Fprintf(w, "stopped: %s in, %s accounted for, %s pending; the next run goes on from here\n", grouped(t.In()), grouped(t.Out()-t.Pending), grouped(t.Pending))
		return
	} else {
		fmt.Fprintln(w, s.red(fmt.Sprintf("RED: %s in, %s accounted for, %s pending", grouped(t.In()), grouped(t.Out()-t.Pending), grouped(t.Pending))))
	}
	if r.Error != "" {
		fmt.Fprintln(w, s.red("  "+s.clean(r.Error)))
	}
	for i := range r.Streams {
		sr := &r.Streams[i]
		if sr.Error != "" {
			fmt.Fprintln(w, s.red("  "+sr.Stream+": "+s.clean(sr.Error)))
		}
		if sr.Missing > 0 {
			fmt.Fprintln(w, s.red(fmt.Sprintf("  %s: %s listed records are missing from table %s", sr.Stream, grouped(sr.Missing), sr.Table)))
		}
	}
	if n := t.Rejected + t.DeadLettered; n > 0 {
		fmt.Fprintf(w, "  %s records were set aside with their reasons; see: syncline status --dead-letters\n", grouped(n))
	}
}

// seconds writes a duration to the tenth of a second.
func seconds(d time.Duration) string {
	if d >= time.Minute {
		return d.Round(time.Second).String()
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}

// writeTextTable aligns columns of text to the left.
func writeTextTable(w io.Writer, rows [][]string) {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	for _, row := range rows {
		var b strings.Builder
		for i, cell := range row {
			b.WriteString(cell + strings.Repeat(" ", widths[i]-len([]rune(cell))+2))
		}
		fmt.Fprintln(w, strings.TrimRight(b.String(), " "))
	}
}
