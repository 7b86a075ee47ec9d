package syncline

import (
	"sync"
	"time"
)

// Phases of a stream's run.
const (
	PhaseStarting   = "starting"
	PhaseDelivering = "delivering" // what an earlier run left in the journal
	PhasePulling    = "pulling"
	PhaseSweeping   = "sweeping" // looking for deleted rows
	PhaseDone       = "done"
	PhaseFailed     = "failed"
)

// Progress is how far one stream has come in a run. Counts are totals so far.
type Progress struct {
	Run, Stream, Phase          string
	Fetched, Applied, Unchanged int
	Rejected                    int
	Requests, Retries           int
	Waited                      time.Duration // for the rate limit
	Remaining                   int           // records still to come, 0 if unknown
	Elapsed                     time.Duration
	Error                       string
}

const progressEvery = 250 * time.Millisecond

// meter calls the progress function at a bounded rate.
type meter struct {
	mu   sync.Mutex
	last time.Time
}

func (m *meter) due(now time.Time, force bool) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !force && now.Sub(m.last) < progressEvery {
		return false
	}
	m.last = now
	return true
}
