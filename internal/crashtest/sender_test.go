//go:build unix

package crashtest

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/synclinehq/syncline/sandbox"
)

// sender posts webhooks the way the vendor does on a bad day: signed, out of
// order, some of them twice, and again until they are accepted.
type sender struct {
	client *http.Client

	mu       sync.Mutex
	random   *rand.Rand
	url      string
	pending  []message
	inFlight int
	accepted map[string]bool
	latest   time.Time // when the last one was posted
	posts    int       // answered 2xx, copies included
	refused  []int     // statuses
}

// message is a webhook to deliver; its body is made anew for each attempt.
type message struct {
	id   string
	body func() []byte
}

func newSender(seed uint64) *sender {
	return &sender{random: rand.New(rand.NewPCG(seed, 2)), accepted: map[string]bool{},
		client: &http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}}
}

// to sets the receiver.
func (s *sender) to(url string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.url = url
}

// add queues a message, one in five twice.
func (s *sender) add(m message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = append(s.pending, m)
	if s.random.IntN(5) == 0 {
		s.pending = append(s.pending, m)
	}
}

// addBad queues an authentic event whose object has no key: it must become a
// dead letter.
func (s *sender) addBad() {
	s.mu.Lock()
	n := s.random.Uint64()
	s.mu.Unlock()
	body := fmt.Appendf(nil, `{"business_id":"bus_1","type":"payment.succeeded","timestamp":%q,"data":{"payload_type":"Payment","note":"%d"}}`,
		time.Now().UTC().Format(time.RFC3339Nano), n)
	s.add(message{fmt.Sprintf("msg_bad_%d", n), func() []byte { return body }})
}

// forget drops what was not sent.
func (s *sender) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pending = nil
}

// one posts a random pending event. It reports whether there was one and
// whether it was accepted; one that was not is pending again.
func (s *sender) one() (sent, ok bool) {
	s.mu.Lock()
	if len(s.pending) == 0 {
		s.mu.Unlock()
		return false, false
	}
	i := s.random.IntN(len(s.pending))
	m, url := s.pending[i], s.url
	s.pending[i] = s.pending[len(s.pending)-1]
	s.pending = s.pending[:len(s.pending)-1]
	s.inFlight++
	s.latest = time.Now()
	s.mu.Unlock()

	status := s.post(url, m)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inFlight--
	switch {
	case status >= 200 && status < 300:
		s.accepted[m.id] = true
		s.posts++
		return true, true
	case status >= 400 && status < 500:
		s.refused = append(s.refused, status) // for good: the object is gone and the body empty
		return true, false
	}
	s.pending = append(s.pending, m)
	return true, false
}

// post returns the status that came back, 0 if none did.
func (s *sender) post(url string, m message) int {
	body := m.body()
	now := time.Now()
	req, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Webhook-Id", m.id)
	req.Header.Set("Webhook-Timestamp", strconv.FormatInt(now.Unix(), 10))
	req.Header.Set("Webhook-Signature", sandbox.Sign(hookKey, m.id, now, body))
	resp, err := s.client.Do(req)
	if err != nil {
		return 0
	}
	defer resp.Body.Close()
	// A status that arrived counts, as it does for the vendor.
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

// past waits until the second in which the last webhook was posted is over. Its
// time has a resolution of a second and all of it counts as the webhook's, so a
// listing read later in it does not replace what the webhook said.
func (s *sender) past() {
	s.mu.Lock()
	latest := s.latest
	s.mu.Unlock()
	time.Sleep(time.Until(latest.Truncate(time.Second).Add(time.Second + 10*time.Millisecond)))
}

// idle reports whether nothing is pending or on its way.
func (s *sender) idle() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.pending) == 0 && s.inFlight == 0
}

// acceptedIDs returns the events that were answered 2xx.
func (s *sender) acceptedIDs() map[string]bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.accepted)
}
