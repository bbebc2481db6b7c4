package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// bareCommand makes this program the least that could answer pods: Go's HTTP server with one answer for everybody. What NMI
// takes more than this is its own; the rest is the machine's, the library's and the asking process's.
const bareCommand = "bare"

// bare is that process. Its input is the length of an answer; its first line of output says where it serves.
func bare(ctx context.Context, _ string) error {
	var length int
	if err := json.NewDecoder(os.Stdin).Decode(&length); err != nil {
		return err
	}
	body := []byte("{" + strings.Repeat(" ", max(0, length-2)) + "}")
	var how net.ListenConfig
	lis, err := how.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(lis.Addr())
	server := &http.Server{ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		_, _ = w.Write(body) // the asker has gone: nobody is left to be told
	})}
	return server.Serve(lis)
}

// beside asks NMI and the bare server in turns, with the same requests, and prints the median of each.
func (p *podIdentity) beside(ctx context.Context, nmi *daemon, a asking) error {
	address, stop, err := startBare(ctx)
	if err != nil {
		return err
	}
	defer stop()
	var seen [2][]asked
	for range 9 {
		for which, at := range []string{nmi.said("address"), address} {
			a.Address = at
			got, err := asks(ctx, a)
			if err != nil {
				return err
			}
			seen[which] = append(seen[which], got)
		}
	}
	p50, p99 := func(a asked) time.Duration { return a.P50 }, func(a asked) time.Duration { return a.P99 }
	fmt.Printf("%d requests, %d at a time, connected, in turns, medians of 9: NMI p50 %s, p99 %s; a server that only answers p50 %s, p99 %s\n",
		a.Requests, a.AtOnce, brief(median(seen[0], p50)), brief(median(seen[0], p99)), brief(median(seen[1], p50)), brief(median(seen[1], p99)))
	return nil
}

// answerLength is that of a token's answer in these measurements.
const answerLength = 1100

func startBare(ctx context.Context) (address string, stop func(), err error) {
	self, err := os.Executable()
	if err != nil {
		return "", nil, err
	}
	command := exec.CommandContext(ctx, self, bareCommand)
	command.Stdin, command.Stderr = strings.NewReader(strconv.Itoa(answerLength)), os.Stderr
	out, err := command.StdoutPipe()
	if err != nil {
		return "", nil, err
	}
	if err := command.Start(); err != nil {
		return "", nil, err
	}
	stop = func() {
		_ = command.Process.Kill() // it has ended by itself
		_ = command.Wait()         // how it ended does not matter
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		stop()
		return "", nil, err
	}
	return strings.TrimSpace(line), stop, nil
}
