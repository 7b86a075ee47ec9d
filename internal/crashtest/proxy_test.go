//go:build failpoint && unix

package crashtest

import (
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// proxy stands between the program and PostgreSQL. It understands the server's
// messages well enough to cut the connection inside the answer to a COMMIT.
type proxy struct {
	listener net.Listener
	server   string

	skip    atomic.Int64 // commits to let through before
	cut     atomic.Int64 // bytes of the answer to let through, negative: all
	commits atomic.Int64 // seen
	cuts    atomic.Int64 // made
}

// commitAnswer is CommandComplete "COMMIT" followed by ReadyForQuery.
const commitAnswer = 12 + 6

func newProxy(t testing.TB, server string) *proxy {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: l, server: server}
	p.cut.Store(-1)
	var group sync.WaitGroup
	group.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go p.serve(c)
		}
	})
	t.Cleanup(func() { l.Close(); group.Wait() })
	return p
}

func (p *proxy) addr() string { return p.listener.Addr().String() }

// arm makes the next commit after skip others lose its answer after n bytes.
func (p *proxy) arm(skip, n int64) {
	p.skip.Store(skip)
	p.cut.Store(n)
}

func (p *proxy) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.server)
	if err != nil {
		return
	}
	defer server.Close()
	go func() {
		_, _ = io.Copy(server, client)
		server.Close()
	}()
	_ = p.answers(client, server)
}

// answers copies the server's messages one by one.
func (p *proxy) answers(client io.Writer, server io.Reader) error {
	head := make([]byte, 5)
	for {
		if _, err := io.ReadFull(server, head); err != nil {
			return err
		}
		body := make([]byte, int(binary.BigEndian.Uint32(head[1:]))-4)
		if _, err := io.ReadFull(server, body); err != nil {
			return err
		}
		message := append(append([]byte(nil), head...), body...)
		if head[0] == 'C' && strings.HasPrefix(string(body), "COMMIT\x00") {
			p.commits.Add(1)
			if cut := p.cut.Load(); cut >= 0 && p.skip.Add(-1) < 0 {
				p.cut.Store(-1)
				p.cuts.Add(1)
				return p.cutAfter(client, server, message, int(cut))
			}
		}
		if _, err := client.Write(message); err != nil {
			return err
		}
	}
}

var errCut = errors.New("cut")

// cutAfter forwards n bytes of the answer, which is the message and what
// follows, and no more.
func (p *proxy) cutAfter(client io.Writer, server io.Reader, message []byte, n int) error {
	rest := make([]byte, commitAnswer-len(message))
	if _, err := io.ReadFull(server, rest); err != nil {
		return err
	}
	message = append(message, rest...)
	if _, err := client.Write(message[:n]); err != nil {
		return err
	}
	return errCut
}
