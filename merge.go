package syncline

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
)

// mergeObjects returns the JSON object base with the members that only extra
// has appended, values byte for byte.
func mergeObjects(base, extra []byte) ([]byte, error) {
	var have map[string]json.RawMessage
	if err := json.Unmarshal(base, &have); err != nil {
		return nil, fmt.Errorf("detail object: %w", err)
	}
	out := bytes.TrimRight(base, " \t\r\n")
	out = append([]byte(nil), bytes.TrimRight(out[:len(out)-1], " \t\r\n")...)
	first := len(have) == 0
	err := eachMember(extra, func(name string, value json.RawMessage) error {
		if _, ok := have[name]; ok {
			return nil
		}
		quoted, err := json.Marshal(name)
		if err != nil {
			return err
		}
		if !first {
			out = append(out, ',')
		}
		first = false
		out = append(append(append(out, quoted...), ':'), value...)
		return nil
	})
	return append(out, '}'), err
}

// eachMember calls yield for the members of a JSON object in their order.
func eachMember(obj []byte, yield func(name string, value json.RawMessage) error) error {
	d := json.NewDecoder(bytes.NewReader(obj))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.Join(errors.New("list row is not an object"), err)
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		var v json.RawMessage
		if err := d.Decode(&v); err != nil {
			return err
		}
		if err := yield(t.(string), v); err != nil {
			return err
		}
	}
	return nil
}
