package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strings"
)

// line is one row of the table: a quantity, measured for Syncline and, where
// there is one, for the limit in the same turns.
type line struct {
	What  string    `json:"what"`
	Unit  string    `json:"unit"`
	Limit []float64 `json:"limit,omitempty"`
	Ours  []float64 `json:"syncline"`
	// Bar is what is asked of the ratio or, without a limit, of the quantity.
	Bar string `json:"bar,omitempty"`
}

// ratios are ours to limit, turn by turn: what else the machine did in a turn
// hits both.
func (l *line) ratios() (out []float64) {
	for i := range min(len(l.Limit), len(l.Ours)) {
		out = append(out, l.Ours[i]/l.Limit[i])
	}
	return out
}

// median returns the middle value, NaN of none.
func median(v []float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	s := slices.Sorted(slices.Values(v))
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// spread shows median and, of several values, lowest and highest.
func spread(v []float64) string {
	switch {
	case len(v) == 0:
		return "-"
	case len(v) == 1 || slices.Min(v) == slices.Max(v):
		return number(v[0])
	}
	return fmt.Sprintf("%s (%s-%s)", number(median(v)), number(slices.Min(v)), number(slices.Max(v)))
}

// number shows three significant digits, thousands grouped.
func number(v float64) string {
	digits := 0
	if a := math.Abs(v); a > 0 && a < 100 && v != math.Trunc(v) {
		digits = max(0, 2-int(math.Floor(math.Log10(a))))
	}
	s := fmt.Sprintf("%.*f", digits, v)
	whole, fraction, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction != "" {
		whole += "." + fraction
	}
	return whole
}

// measured is a figure with its lines.
type measured struct {
	Name  string `json:"name"`
	Title string `json:"title"`
	Lines []line `json:"lines"`
}

// print writes the table the way docs/performance.md shows it.
func (m *measured) print(out io.Writer) {
	fmt.Fprintf(out, "\n%s\n\n", m.Title)
	rows := [][]string{{"", "unit", "limit", "syncline", "ratio", "bar"}}
	for i := range m.Lines {
		l := &m.Lines[i]
		rows = append(rows, []string{l.What, l.Unit, spread(l.Limit), spread(l.Ours), spread(l.ratios()), l.Bar})
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], len(cell), 3)
		}
	}
	for n, row := range rows {
		printRow(out, row, widths, " ")
		if n == 0 {
			printRow(out, make([]string, len(row)), widths, "-")
		}
	}
}

func printRow(out io.Writer, row []string, widths []int, pad string) {
	fmt.Fprint(out, "|")
	for i, cell := range row {
		fmt.Fprintf(out, "%s%s%s%s|", pad, cell, strings.Repeat(pad, widths[i]-len(cell)), pad)
	}
	fmt.Fprintln(out)
}

// report is a whole sitting.
type report struct {
	Machine machine    `json:"machine"`
	Rows    int        `json:"rows"`
	Repeats int        `json:"repeats"`
	Figures []measured `json:"figures"`
}

func (r *report) save(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
