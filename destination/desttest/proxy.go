package desttest

import (
	"bytes"
	"net"
	"sync"
	"testing"
)

// proxy passes TCP connections on to a server and cuts them where a test says.
type proxy struct {
	l      net.Listener
	server string

	mu    sync.Mutex
	cut   *cut
	conns map[net.Conn]bool
	shut  bool // refuse new connections
}

// cut says when the next connection is lost. It happens once.
type cut struct {
	// after is how many bytes of the client pass; -1 for all.
	after int
	// marker, if set, is what the client must send first. Passed on says
	// whether it reaches the server.
	marker   []byte
	passedOn bool
	// replies is how many bytes of the server's answer to the marker pass.
	replies int
	// shut also refuses all later connections.
	shut bool
	hit  chan struct{}
}

func newProxy(t testing.TB, server string) *proxy {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{l: l, server: server, conns: map[net.Conn]bool{}}
	go p.accept()
	t.Cleanup(func() {
		_ = l.Close()
		p.closeAll()
	})
	return p
}

func (p *proxy) addr() string { return p.l.Addr().String() }

// next arms a cut and returns a channel that is closed when it happens.
func (p *proxy) next(c cut) <-chan struct{} {
	c.hit = make(chan struct{})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.shut = &c, false
	return c.hit
}

func (p *proxy) heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut, p.shut = nil, false
}

func (p *proxy) closeAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *proxy) accept() {
	for {
		client, err := p.l.Accept()
		if err != nil {
			return
		}
		p.mu.Lock()
		shut := p.shut
		p.mu.Unlock()
		server, err := net.Dial("tcp", p.server)
		if err != nil || shut {
			_ = client.Close()
			if server != nil {
				_ = server.Close()
			}
			continue
		}
		p.mu.Lock()
		p.conns[client], p.conns[server] = true, true
		p.mu.Unlock()
		link := &link{p: p, client: client, server: server}
		go link.up()
		go link.down()
	}
}

// link is one connection through the proxy.
type link struct {
	p              *proxy
	client, server net.Conn
	mu             sync.Mutex
	limit          *int // bytes the server may still say
}

func (l *link) close() {
	_ = l.client.Close()
	_ = l.server.Close()
}

// take fires the armed cut, if it is still there.
func (l *link) take(c *cut) bool {
	l.p.mu.Lock()
	defer l.p.mu.Unlock()
	if l.p.cut != c {
		return false
	}
	l.p.cut, l.p.shut = nil, c.shut
	close(c.hit)
	return true
}

// up passes what the client says.
func (l *link) up() {
	defer l.close()
	buf := make([]byte, 64<<10)
	passed := 0 // since the cut was armed
	var armed *cut
	for {
		n, err := l.client.Read(buf)
		if err != nil {
			return
		}
		l.p.mu.Lock()
		c := l.p.cut
		l.p.mu.Unlock()
		if c != armed {
			armed, passed = c, 0
		}
		switch {
		case c == nil:
		case c.marker == nil && c.after >= 0 && passed+n > c.after && l.take(c):
			_, _ = l.server.Write(buf[:c.after-passed])
			return
		case c.marker != nil && bytes.Contains(buf[:n], c.marker) && l.take(c):
			if !c.passedOn {
				return
			}
			l.mu.Lock()
			left := c.replies
			l.limit = &left
			l.mu.Unlock()
		}
		passed += n
		if _, err := l.server.Write(buf[:n]); err != nil {
			return
		}
	}
}

// down passes what the server says.
func (l *link) down() {
	defer l.close()
	buf := make([]byte, 64<<10)
	for {
		n, err := l.server.Read(buf)
		if err != nil {
			return
		}
		l.mu.Lock()
		limit := l.limit
		l.mu.Unlock()
		if limit != nil {
			if n = min(n, *limit); n == 0 {
				return
			}
			*limit -= n
		}
		if _, err := l.client.Write(buf[:n]); err != nil || limit != nil && *limit == 0 {
			return
		}
	}
}
