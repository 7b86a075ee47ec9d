package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	syncline "github.com/synclinehq/syncline"
)

const testSecret = "whsec_ZG9kby10ZXN0LWtleS0wMTIzNDU2Nzg5YWJjZGVmISE="

func sign(secret, id, stamp, body string) string {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(secret, "whsec_"))
	if err != nil {
		panic(err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + stamp + "." + body))
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

func headers(id, stamp, signature string) http.Header {
	h := http.Header{}
	h.Set("webhook-id", id)
	h.Set("webhook-timestamp", stamp)
	h.Set("webhook-signature", signature)
	return h
}

func TestVerify_PublishedVectors(t *testing.T) {
	for _, c := range []struct{ secret, id, stamp, body, signature string }{
		{testSecret, "msg_1", "1700000000",
			`{"business_id":"bus_1","type":"payment.succeeded","timestamp":"2026-01-02T03:04:05.678901Z","data":{"payload_type":"Payment","payment_id":"pay_1"}}`,
			"v1,Bjc1jsJ1x3HoUh1DYH+KU2MTGhfWgdFC0zWVFQFm26Q="},
		{"MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", `{"test": 2432232314}`,
			"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
	} {
		v, err := NewVerifier(Secret{Key: c.secret})
		if err != nil {
			t.Fatal(err)
		}
		n, _ := strconv.ParseInt(c.stamp, 10, 64)
		m, err := v.Verify(headers(c.id, c.stamp, c.signature), []byte(c.body), time.Unix(n, 0))
		if err != nil || m.ID != c.id || m.Sent.Unix() != n {
			t.Errorf("%s: %+v %v", c.id, m, err)
		}
	}
}

// TestVerify_BadInput is the table of H-01 to H-06.
func TestVerify_BadInput(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	const id, body = "msg_1", `{"type":"x","data":{}}`
	at := func(d time.Duration) string { return strconv.FormatInt(now.Add(d).Unix(), 10) }
	good := sign(testSecret, id, at(0), body)
	other := "whsec_" + base64.StdEncoding.EncodeToString([]byte("another-secret-of-32-bytes-long!"))
	old := "whsec_" + base64.StdEncoding.EncodeToString([]byte("rotated-secret-of-32-bytes-long!"))
	raw, _ := base64.StdEncoding.DecodeString(good[3:])
	raw[7] ^= 1
	flipped := "v1," + base64.StdEncoding.EncodeToString(raw)
	type change func(h http.Header, body *string)
	set := func(name, v string) change { return func(h http.Header, _ *string) { h.Set(name, v) } }
	sent := func(d time.Duration) change {
		return func(h http.Header, b *string) {
			h.Set("webhook-timestamp", at(d))
			h.Set("webhook-signature", sign(testSecret, id, at(d), *b))
		}
	}
	stamp := func(s string) change {
		return func(h http.Header, b *string) {
			h.Set("webhook-timestamp", s)
			h.Set("webhook-signature", sign(testSecret, id, s, *b))
		}
	}
	for _, c := range []struct {
		name   string
		change change
		status int
		code   string
	}{
		{"as it is", func(http.Header, *string) {}, 0, ""},
		{"flipped bit", set("webhook-signature", flipped), 401, "signature_invalid"},
		{"truncated", set("webhook-signature", good[:len(good)-4]), 401, "signature_invalid"},
		{"empty v1", set("webhook-signature", "v1,"), 401, "signature_invalid"},
		{"other length", set("webhook-signature", "v1,AAAA"), 401, "signature_invalid"},
		{"not base64", set("webhook-signature", "v1,!!!"), 401, "signature_invalid"},
		{"unknown version", set("webhook-signature", "v9"+good[2:]), 401, "signature_invalid"},
		{"other secret", set("webhook-signature", sign(other, id, at(0), body)), 401, "signature_invalid"},
		{"second of several fits", set("webhook-signature", "v1a,xx "+flipped+" "+good), 0, ""},
		{"too many signatures", set("webhook-signature", strings.Repeat(flipped+" ", 40)+good), 401, "signature_invalid"},
		{"no signature", func(h http.Header, _ *string) { h.Del("webhook-signature") }, 401, "signature_missing"},
		{"no id", func(h http.Header, _ *string) { h.Del("webhook-id") }, 401, "signature_missing"},
		{"no timestamp", func(h http.Header, _ *string) { h.Del("webhook-timestamp") }, 401, "signature_missing"},
		{"two ids", func(h http.Header, _ *string) { h.Add("webhook-id", "msg_2") }, 400, "signature_malformed"},
		{"two signatures headers", func(h http.Header, _ *string) { h.Add("webhook-signature", good) }, 400, "signature_malformed"},
		{"comma-joined ids", set("webhook-id", "msg_1, msg_2"), 400, "signature_malformed"},
		{"dot in id", set("webhook-id", "msg_1.5"), 400, "signature_malformed"},
		{"long id", set("webhook-id", strings.Repeat("m", 256)), 400, "signature_malformed"},
		{"-301 s", sent(-301 * time.Second), 401, "timestamp_out_of_range"},
		{"+301 s", sent(301 * time.Second), 401, "timestamp_out_of_range"},
		{"-300 s", sent(-300 * time.Second), 0, ""},
		{"+300 s", sent(300 * time.Second), 0, ""},
		{"zero", stamp("0"), 401, "timestamp_out_of_range"},
		{"minus one", stamp("-1"), 401, "timestamp_out_of_range"},
		{"2^63", stamp("9223372036854775808"), 401, "timestamp_out_of_range"},
		{"2^62", stamp("4611686018427387904"), 401, "timestamp_out_of_range"},
		{"exponent", stamp("1e9"), 400, "signature_malformed"},
		{"float", stamp("1700000000.0"), 400, "signature_malformed"},
		{"sign", stamp("+1700000000"), 400, "signature_malformed"},
		{"other timestamp than signed", set("webhook-timestamp", at(time.Second)), 401, "signature_invalid"},
		{"re-spaced body", func(_ http.Header, b *string) { *b = `{"type": "x", "data": {}}` }, 401, "signature_invalid"},
		{"other key order", func(_ http.Header, b *string) { *b = `{"data":{},"type":"x"}` }, 401, "signature_invalid"},
		{"CRLF", func(_ http.Header, b *string) { *b += "\r\n" }, 401, "signature_invalid"},
		{"BOM", func(_ http.Header, b *string) { *b = "\ufeff" + *b }, 401, "signature_invalid"},
		{"rotated, still good", set("webhook-signature", sign(old, id, at(0), body)), 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			v, err := NewVerifier(Secret{Key: testSecret}, Secret{Key: old, NotAfter: now.Add(time.Hour)})
			if err != nil {
				t.Fatal(err)
			}
			b := body
			h := headers(id, at(0), good)
			c.change(h, &b)
			_, err = v.Verify(h, []byte(b), now)
			var refused *syncline.WebhookError
			if c.status == 0 {
				if err != nil {
					t.Fatal(err)
				}
			} else if !errors.As(err, &refused) || refused.Status != c.status || refused.Code != c.code {
				t.Fatalf("got %v, want %d %s", err, c.status, c.code)
			}
		})
	}
}

func TestVerify_RotatedSecretExpires(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	v, err := NewVerifier(Secret{Key: testSecret, NotAfter: now.Add(-time.Second)})
	if err != nil {
		t.Fatal(err)
	}
	h := headers("m", "1700000000", sign(testSecret, "m", "1700000000", "{}"))
	if _, err := v.Verify(h, []byte("{}"), now); err == nil {
		t.Error("an expired secret was accepted")
	}
	none, _ := NewVerifier()
	if _, err := none.Verify(h, []byte("{}"), now); err == nil {
		t.Error("accepted without any secret")
	}
}

func TestNewVerifier_RefusesBadSecretsWithoutShowingThem(t *testing.T) {
	for _, s := range []string{"", "whsec_", "whsec_???", "whsec_c2hvcnQ="} {
		_, err := NewVerifier(Secret{Key: s})
		if err == nil || s != "" && strings.Contains(err.Error(), strings.TrimPrefix(s, "whsec_")) && len(s) > 6 {
			t.Errorf("%q: %v", s, err)
		}
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("msg_1", "1700000000", "v1,Bjc1jsJ1x3HoUh1DYH+KU2MTGhfWgdFC0zWVFQFm26Q=", []byte("{}"))
	v, err := NewVerifier(Secret{Key: testSecret})
	if err != nil {
		f.Fatal(err)
	}
	now := time.Unix(1_700_000_000, 0)
	f.Fuzz(func(t *testing.T, id, stamp, signature string, body []byte) {
		if strings.Contains(signature, sign(testSecret, id, stamp, string(body))) {
			t.Skip()
		}
		_, err := v.Verify(headers(id, stamp, signature), body, now)
		var refused *syncline.WebhookError
		if !errors.As(err, &refused) || refused.Status/100 != 4 {
			t.Fatalf("accepted or wrong error: %v", err)
		}
	})
}
