// Package control is the emulator's own endpoint: where everything is, what was asked, what is to go wrong, a service
// account token for a demo, and the whole state. It has no password: whoever may connect to loopback on this machine may
// use it, other users of the machine included. That is fit for made-up secrets, which is all an emulator should hold.
//
// It answers no browser: a request with an Origin, from another site, or to a host name that is not loopback's is
// refused, so that a web page cannot reach it by any trick of names. Apart from the state it shows no secret value.
package control

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"time"

	"strongroom/internal/emulator/faults"
	"strongroom/internal/emulator/journal"
	"strongroom/internal/emulator/state"
	"strongroom/internal/fault"
)

// maxBody is enough for any list of faults.
const maxBody = 1 << 20

// Config is what the endpoint shows and moves. Every field is required.
type Config struct {
	Endpoints any // encoded as JSON
	CA        []byte
	CloudFile []byte
	Journal   *journal.Journal
	Faults    *faults.Table
	// Mint makes a service account token of the stand-in cluster.
	Mint func(namespace, name, audience string, ttl time.Duration) (string, time.Time, error)
	// Add puts a piece of a document into the running emulator, and gives what to answer.
	Add func(piece []byte) (any, error)
	// Dump gives the whole state, secret values among it.
	Dump func() ([]byte, error)
}

// New makes the endpoint's handler, for paths beneath /_emulator/.
func New(c Config) http.Handler {
	mux := http.NewServeMux()
	for pattern, do := range map[string]action{
		"GET /_emulator/{$}":                  func(*http.Request) (any, error) { return text(help), nil },
		"GET /_emulator/endpoints":            func(*http.Request) (any, error) { return c.Endpoints, nil },
		"GET /_emulator/ca.pem":               func(*http.Request) (any, error) { return text(c.CA), nil },
		"GET /_emulator/cloud.json":           func(*http.Request) (any, error) { return json.RawMessage(c.CloudFile), nil },
		"GET /_emulator/requests":             c.requests,
		"DELETE /_emulator/requests":          c.resetRequests,
		"GET /_emulator/faults":               func(*http.Request) (any, error) { return c.Faults.List(), nil },
		"PUT /_emulator/faults":               c.setFaults,
		"DELETE /_emulator/faults":            c.clearFaults,
		"POST /_emulator/serviceaccounttoken": c.token,
		"POST /_emulator/additions":           c.add,
		"GET /_emulator/state":                c.state,
	} {
		mux.Handle(pattern, do)
	}
	return fromHere(mux)
}

// fromHere lets through what a program on this machine sends.
func fromHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" || !loopback(r.Host) {
			http.Error(w, "the control endpoint is for programs on this machine, not for web pages", http.StatusForbidden)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		next.ServeHTTP(w, r)
	})
}

func loopback(host string) bool {
	name, _, err := net.SplitHostPort(host)
	if err != nil {
		name = host
	}
	return name == "localhost" || net.ParseIP(name).IsLoopback()
}

// requests is the log as it stands.
func (c Config) requests(*http.Request) (any, error) {
	return struct {
		Total    int              `json:"total"`
		Counts   map[string]int   `json:"counts"`
		Requests []journal.Record `json:"requests"`
	}{c.Journal.Total(), c.Journal.Counts(), c.Journal.Records()}, nil
}

func (c Config) resetRequests(*http.Request) (any, error) {
	c.Journal.Reset()
	return nil, nil
}

func (c Config) setFaults(r *http.Request) (any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "faults", "cannot be read")
	}
	list, err := state.ParseFaults(body)
	if err != nil {
		return nil, err
	}
	c.Faults.Set(list)
	return c.Faults.List(), nil
}

func (c Config) add(r *http.Request) (any, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "additions", "cannot be read")
	}
	return c.Add(body)
}

func (c Config) clearFaults(*http.Request) (any, error) {
	c.Faults.Set(nil)
	return nil, nil
}

func (c Config) state(*http.Request) (any, error) {
	dump, err := c.Dump()
	return json.RawMessage(dump), err
}
