package batch

import "unicode/utf8"

// appendUnescaped appends the content of a string that scanString accepted,
// with its escapes resolved. Lone surrogates must have been refused before.
func appendUnescaped(dst, raw []byte) []byte {
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			j := i + 1
			for j < len(raw) && raw[j] != '\\' {
				j++
			}
			dst = append(dst, raw[i:j]...)
			i = j
			continue
		}
		c := raw[i+1]
		i += 2
		switch c {
		case 'b':
			c = '\b'
		case 'f':
			c = '\f'
		case 'n':
			c = '\n'
		case 'r':
			c = '\r'
		case 't':
			c = '\t'
		case 'u':
			r, end := hex4(raw, i)
			if r >= 0xd800 && r <= 0xdfff && end+2 <= len(raw) {
				low, lowEnd := hex4(raw, end+2)
				r, end = 0x10000+(r-0xd800)<<10+(low-0xdc00), lowEnd
			}
			dst = utf8.AppendRune(dst, r)
			i = end
			continue
		}
		dst = append(dst, c)
	}
	return dst
}

// appendEscaped appends text as the content of a JSON string in the form the
// content hash uses: only quote, backslash and control characters are escaped,
// all of the last kind as \u00xx.
func appendEscaped(dst, s []byte) []byte {
	const hex = "0123456789abcdef"
	for _, c := range s {
		switch {
		case c == '"' || c == '\\':
			dst = append(dst, '\\', c)
		case c < ' ':
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// appendWithoutNUL appends JSON text with each \u0000 escape left out, or, if
// escape is set, with its backslash doubled, which makes it six characters of
// text.
func appendWithoutNUL(dst, raw []byte, escape bool) []byte {
	for i := 0; i < len(raw); {
		switch {
		case raw[i] != '\\':
			dst = append(dst, raw[i])
			i++
		case i+6 <= len(raw) && string(raw[i:i+6]) == `\u0000`:
			if escape {
				dst = append(dst, `\\u0000`...)
			}
			i += 6
		default:
			dst = append(dst, raw[i], raw[i+1])
			i += 2
		}
	}
	return dst
}
