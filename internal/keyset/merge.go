package keyset

// merger reads several runs as one sorted sequence, of a repeated key the entry
// of the latest run. It is a binary heap of the runs' next entries.
type merger struct {
	heap []head
}

type head struct {
	entry
	run int // later runs have the later content
	in  *runReader
}

// before orders equal keys by run, so that the last one out is the latest.
func (h *head) before(o *head) bool {
	if c := compare(h.entry, o.entry); c != 0 {
		return c < 0
	}
	return h.run < o.run
}

func newMerger(s *spill) (*merger, error) {
	m := &merger{}
	size := min(max(s.mem/max(len(s.runs), 1), minRead), maxRead)
	for i, r := range s.runs {
		h := head{run: i, in: s.reader(r, size)}
		e, ok, err := h.in.next()
		if err != nil {
			return nil, err
		}
		if ok {
			h.entry = e
			m.heap = append(m.heap, h)
		}
	}
	for i := len(m.heap)/2 - 1; i >= 0; i-- {
		m.down(i)
	}
	return m, nil
}

func (m *merger) next() (e entry, ok bool, err error) {
	if len(m.heap) == 0 {
		return e, false, nil
	}
	for {
		e = m.heap[0].entry
		if err := m.advance(); err != nil {
			return e, false, err
		}
		if len(m.heap) == 0 || compare(m.heap[0].entry, e) != 0 {
			return e, true, nil
		}
	}
}

// advance replaces the first head by the next entry of its run.
func (m *merger) advance() error {
	h := &m.heap[0]
	e, ok, err := h.in.next()
	if err != nil {
		return err
	}
	if ok {
		h.entry = e
	} else {
		last := len(m.heap) - 1
		m.heap[0] = m.heap[last]
		m.heap = m.heap[:last]
	}
	m.down(0)
	return nil
}

func (m *merger) down(i int) {
	for {
		c := 2*i + 1
		if c >= len(m.heap) {
			return
		}
		if c+1 < len(m.heap) && m.heap[c+1].before(&m.heap[c]) {
			c++
		}
		if !m.heap[c].before(&m.heap[i]) {
			return
		}
		m.heap[i], m.heap[c] = m.heap[c], m.heap[i]
		i = c
	}
}
