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
}

type asked struct {
	Took, P50, P99, Most time.Duration
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
	var lock sync.Mutex
	var took []time.Duration
	var group errgroup.Group
	began := time.Now()
	for n := range a.AtOnce {
		group.Go(func() error {
			own, err := burst(ctx, a.Address, a.Pods[n%len(a.Pods)], a.Requests/a.AtOnce)
			lock.Lock()
			defer lock.Unlock()
			took = append(took, own...)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return err
	}
	slices.Sort(took)
	return json.NewEncoder(os.Stdout).Encode(asked{time.Since(began), took[len(took)/2], took[len(took)*99/100], took[len(took)-1]})
}

// burst sends so many requests on one connection and says how long each took. It is written by hand, so that on a machine
// of two cores it takes little from the daemon.
func burst(ctx context.Context, address, pod string, count int) ([]time.Duration, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(pod)}}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	request := []byte("GET /metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net HTTP/1.1\r\nHost: 169.254.169.254\r\nMetadata: true\r\n\r\n")
	buffer := make([]byte, 16<<10)
	var took []time.Duration
	for range count {
		began := time.Now()
		if _, err := conn.Write(request); err != nil {
			return took, err
		}
		for got := 0; got == 0 || buffer[got-1] != '}'; { // the body is one object, and small
			more, err := conn.Read(buffer[got:])
			if err != nil {
				return took, err
			}
			got += more
		}
		took = append(took, time.Since(began))
		if !bytes.HasPrefix(buffer, []byte("HTTP/1.1 200 ")) {
			return took, fmt.Errorf("answered %.40s", buffer)
		}
	}
	return took, nil
}
