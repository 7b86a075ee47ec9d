package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// pageSize is the number of payments a page holds, the most the API gives.
const pageSize = 100

// pageReader fetches the pages of the payments list, as a bare program would:
// net/http, kept connections, a reused buffer for each worker.
type pageReader struct {
	url     string // of the sandbox
	rows    int
	workers int
}

// each fetches every page and calls use in the worker that fetched it, with the
// worker's number. The body is valid during the call only.
func (p *pageReader) each(ctx context.Context, use func(ctx context.Context, worker int, body []byte) error) error {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: p.workers, DisableCompression: true}}
	defer client.CloseIdleConnections()
	pages := int64(p.rows+pageSize-1) / pageSize
	var next atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	for w := range p.workers {
		g.Go(func() error {
			var body []byte
			for {
				n := next.Add(1) - 1
				if n >= pages {
					return nil
				}
				var err error
				if body, err = p.fetch(ctx, client, n, body); err != nil {
					return err
				}
				if err := use(ctx, w, body); err != nil {
					return err
				}
			}
		})
	}
	return g.Wait()
}

func (p *pageReader) fetch(ctx context.Context, client *http.Client, page int64, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, fmt.Sprintf("%s/payments?page_size=%d&page_number=%d", p.url, pageSize, page), nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Authorization", "Bearer "+sandboxKey)
	res, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	if res.StatusCode != http.StatusOK || res.ContentLength < 0 {
		return nil, fmt.Errorf("page %d: %s, length %d", page, res.Status, res.ContentLength)
	}
	if int64(cap(body)) < res.ContentLength {
		body = make([]byte, res.ContentLength+res.ContentLength/4)
	}
	body = body[:res.ContentLength]
	_, err = io.ReadFull(res.Body, body)
	return body, err
}

// flags declares what every limit program is told.
func (p *pageReader) flags(fs *flag.FlagSet) {
	fs.StringVar(&p.url, "from", "", "address of the sandbox")
	fs.IntVar(&p.rows, "rows", 0, "payments there")
	fs.IntVar(&p.workers, "workers", 4, "requests at a time")
}

// freeList keeps buffers for reuse.
type freeList struct {
	mu      sync.Mutex
	buffers [][]byte
}

func (f *freeList) get() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if n := len(f.buffers); n > 0 {
		b := f.buffers[n-1]
		f.buffers = f.buffers[:n-1]
		return b[:0]
	}
	return nil
}

func (f *freeList) put(b []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.buffers = append(f.buffers, b)
}
