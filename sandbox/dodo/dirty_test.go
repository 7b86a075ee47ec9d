package dodo

import (
	"encoding/json"
	"regexp"
	"testing"
)

func TestDirtyData(t *testing.T) {
	for name, tt := range map[string]struct {
		dirty Dirty
		path  string
		has   string
	}{
		"extra field":    {Dirty{ExtraField: true}, "/addons", `"x_added_later"`},
		"unknown enum":   {Dirty{UnknownEnum: true}, "/refunds", `"status":"added_later"`},
		"null metadata":  {Dirty{NullMetadata: true}, "/payments", `"metadata":null`},
		"nul in names":   {Dirty{NULNames: true}, "/customers", `\\u0000`},
		"emoji in names": {Dirty{EmojiNames: true}, "/payments", "🦉"},
		"dispute amount": {Dirty{DisputeAmountNumber: true}, "/disputes", `{"amount":[0-9]`},
		"invalid utf-8":  {Dirty{InvalidUTF8: true}, "/customers", `\x{fffd}`},
		"lone surrogate": {Dirty{LoneSurrogate: true}, "/customers", `\\ud83d"`},
		"duplicate keys": {Dirty{DuplicateKeys: true}, "/customers", `"duplicate"}`},
		"big numbers":    {Dirty{BigNumbers: true}, "/payments", `9223372036854775808`},
		"30 digits":      {Dirty{BigNumbers: true}, "/payments", `123456789012345678901234567890`},
		"type change":    {Dirty{TypeChange: true}, "/payments", `"total_amount":"`},
		"missing fields": {Dirty{MissingFields: true}, "/customers", `"name":"[^"]*","metadata"`},
	} {
		t.Run(name, func(t *testing.T) {
			tt.dirty.Every = 1
			w := get(t, newTest(t, Options{Dirty: tt.dirty}), tt.path+"?page_size=100")
			has := regexp.MustCompile(tt.has)
			if !has.MatchString(w.Body.String()) {
				t.Errorf("no %s in %s", tt.has, w.Body.String()[:600])
			}
			if !json.Valid(w.Body.Bytes()) {
				t.Error("not JSON")
			}
			clean := get(t, newTest(t, Options{}), tt.path+"?page_size=100").Body.String()
			if has.MatchString(clean) {
				t.Errorf("%s without asking for it", tt.has)
			}
		})
	}
}
