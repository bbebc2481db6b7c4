package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// askerCommand makes this program the pods: a process of their own, so that what is measured is not its client's.
const askerCommand = "ask"

// asking is what the pods are to do, and asked what they have seen.
type asking struct {
	Address  string
	Pods     []string // addresses to ask from
	Requests int
	AtOnce   int
	// Connected has the connections opened, and one request answered on each, before anything is counted, and all begin at
	// once then. Otherwise what a connection costs is in its first request.
	Connected bool
}

type asked struct {
	Took, P50, P99, Most time.Duration
	Processor            time.Duration // of the asking process, while it asked
}

// asks runs the pods' process.
func asks(ctx context.Context, a asking) (asked, error) {
	self, err := os.Executable()
	if err != nil {
		return asked{}, err
	}
	in, err := json.Marshal(a)
	if err != nil {
		return asked{}, err
	}
	command := exec.CommandContext(ctx, self, askerCommand)
	command.Stdin, command.Stderr = bytes.NewReader(in), os.Stderr
	out, err := command.Output()
	if err != nil {
		return asked{}, err
	}
	var got asked
	return got, json.Unmarshal(out, &got)
}

// ask is that process: so many clients, each on one connection, ask one request after the other.
func ask(ctx context.Context, _ string) error {
	var a asking
	if err := json.NewDecoder(os.Stdin).Decode(&a); err != nil {
		return err
	}
	clients := make([]*asker, a.AtOnce)
	for n := range clients {
		clients[n] = &asker{address: a.Address, pod: a.Pods[n%len(a.Pods)], buffer: make([]byte, 16<<10)}
		defer clients[n].close()
		if a.Connected {
			if _, err := clients[n].burst(ctx, 1); err != nil {
				return err
			}
		}
	}
	var lock sync.Mutex
	var took []time.Duration
	var group errgroup.Group
	start := make(chan struct{})
	for _, c := range clients {
		group.Go(func() error {
			<-start
			own, err := c.burst(ctx, a.Requests/a.AtOnce)
			lock.Lock()
			defer lock.Unlock()
			took = append(took, own...)
			return err
		})
	}
	began, before := time.Now(), processor()
	close(start)
	if err := group.Wait(); err != nil {
		return err
	}
	slices.Sort(took)
	return json.NewEncoder(os.Stdout).Encode(asked{
		time.Since(began), took[len(took)/2], took[len(took)*99/100], took[len(took)-1], processor() - before,
	})
}

// asker is a pod's program with one connection, which the first request opens.
type asker struct {
	address, pod string
	conn         net.Conn
	buffer       []byte
}

func (c *asker) close() {
	if c.conn != nil {
		_ = c.conn.Close()
	}
}

// burst sends so many requests, one after the other, and says how long each took. It is written by hand, so that on a
// machine of two cores it takes little from the daemon.
func (c *asker) burst(ctx context.Context, count int) ([]time.Duration, error) {
	request := []byte("GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net HTTP/1.1\r\nHost: 169.254.169.254\r\nMetadata: true\r\n\r\n")
	took := make([]time.Duration, 0, count)
	for range count {
		began := time.Now()
		if c.conn == nil {
			dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(c.pod)}}
			var err error
			if c.conn, err = dialer.DialContext(ctx, "tcp", c.address); err != nil {
				return took, err
			}
		}
		if _, err := c.conn.Write(request); err != nil {
			return took, err
		}
		for got := 0; got == 0 || c.buffer[got-1] != '}'; { // the body is one object, and small
			more, err := c.conn.Read(c.buffer[got:])
			if err != nil {
				return took, err
			}
			got += more
		}
		took = append(took, time.Since(began))
		if !bytes.HasPrefix(c.buffer, []byte("HTTP/1.1 200 ")) {
			return took, fmt.Errorf("answered %.40s", c.buffer)
		}
	}
	return took, nil
}
