package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// Sign returns the Standard Webhooks signature "v1,<base64>" of one message:
// HMAC-SHA256 over "id.timestamp.body" with the base64-decoded secret. The
// secret's prefix "whsec_" is optional; a secret that is not base64 is used as
// it is. The timestamp is signed in unix seconds.
func Sign(secret, id string, at time.Time, body []byte) string {
	secret = strings.TrimPrefix(secret, "whsec_")
	key, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		key = []byte(secret)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
	mac.Write(body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}
