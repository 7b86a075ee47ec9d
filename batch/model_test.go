package batch

import (
	"bytes"
	"encoding/json"
	"io"
	"unicode/utf8"
)

// The model judges JSON with encoding/json, slowly and by other means than the
// package does.

// validValue reports whether p is one JSON value and nothing else. Unlike
// json.Valid it knows no limit of depth, so it is used on shallow text only.
func validValue(p []byte) bool { return json.Valid(p) }

// wholesome reports whether valid JSON has what a record must have: UTF-8, no
// lone surrogates, distinct names, and no more than maxDepth levels.
func wholesome(p []byte) bool {
	return utf8.Valid(p) && !hasLoneSurrogate(p) && distinctNames(p) && depthOf(p) <= maxDepth
}

func distinctNames(p []byte) bool {
	dec := json.NewDecoder(bytes.NewReader(p))
	dec.UseNumber() // 1e400 is no float64
	type level struct {
		names map[string]bool // nil in arrays
		value bool            // the next token of an object is a value
	}
	var open []level
	for {
		tok, err := dec.Token()
		if err == io.EOF {
			return true
		}
		if err != nil {
			return false
		}
		if n := len(open); n > 0 && open[n-1].names != nil && tok != json.Delim('}') {
			top := &open[n-1]
			if !top.value {
				name := tok.(string)
				if top.names[name] {
					return false
				}
				top.names[name], top.value = true, true
				continue
			}
			top.value = false
		}
		switch tok {
		case json.Delim('{'):
			open = append(open, level{names: map[string]bool{}})
		case json.Delim('['):
			open = append(open, level{})
		case json.Delim('}'), json.Delim(']'):
			open = open[:len(open)-1]
		}
	}
}

func depthOf(p []byte) int {
	deepest, depth, quoted := 0, 0, false
	for i := 0; i < len(p); i++ {
		switch c := p[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// hasLoneSurrogate walks the escapes of valid JSON.
func hasLoneSurrogate(p []byte) bool {
	high := false // the escape just before was an unpaired first half
	for i := 0; i < len(p); i++ {
		if p[i] != '\\' {
			if high {
				return true
			}
			continue
		}
		if p[i+1] != 'u' {
			if high {
				return true
			}
			i++
			continue
		}
		var r rune
		for _, c := range bytes.ToLower(p[i+2 : i+6]) {
			r = r*16 + rune(bytes.IndexByte([]byte("0123456789abcdef"), c))
		}
		i += 5
		first, second := r >= 0xd800 && r < 0xdc00, r >= 0xdc00 && r < 0xe000
		if high != second {
			return true
		}
		high = first
	}
	return high
}
