// Package faults makes the emulator's services fail on demand: late, throttled, broken, silent, cut off or with a
// clock that is wrong. Nothing here is random: the same table and the same requests give the same failures, so a test
// that passes once passes always. A fault sits in front of its service, which never knows of it.
package faults

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"strongroom/internal/fault"
)

// Service names one of the emulator's parts, in faults and in the request log.
type Service string

// The services that can be made to fail.
const (
	Entra      Service = "entra"      // token authority: discovery, keys, tokens
	IMDS       Service = "imds"       // the metadata endpoint of a node
	NMI        Service = "nmi"        // the host endpoint of pod identity
	KeyVault   Service = "keyvault"   // every vault
	TokenProxy Service = "tokenproxy" // identity binding's way to the authority
	Issuer     Service = "issuer"     // the cluster's token issuer: its document and keys
	ARM        Service = "arm"        // the resource manager: machines and their identities
	Graph      Service = "graph"      // Microsoft Graph: applications and service principals
)

// services lists them all, for messages and checks; never written to.
var services = []Service{Entra, IMDS, NMI, KeyVault, TokenProxy, Issuer, ARM, Graph}

// Fault is one way for one service to misbehave. Every matching fault of a table takes part: latencies add up, and
// the first that answers in the service's place (Outage, Status) decides. The zero value of an effect means that it
// is not wanted; at least one must be.
type Fault struct {
	// Service is required.
	Service Service `yaml:"service"`
	// Host narrows the fault to one host name, vault name or (IMDS) node name; empty means all of them.
	Host string `yaml:"host"`
	// Path narrows it to request paths that contain this text; empty means all of them.
	Path string `yaml:"path"`
	// Count is how many requests it strikes before it is spent; 0 means without end.
	Count int `yaml:"count"`
	// Every strikes each so-manieth of the requests it matches, beginning with that one: 2 is every second; 0 and 1 are
	// all of them.
	Every int `yaml:"every"`

	// Latency is added before the request is handled.
	Latency time.Duration `yaml:"latency"`
	// Status answers with this HTTP status (400-599) and the service's own error body, without doing what was asked.
	Status int `yaml:"status"`
	// RetryAfter goes with Status: the Retry-After header in whole seconds, rounded up; 0 sends no such header.
	RetryAfter time.Duration `yaml:"retryAfter"`
	// Outage closes the connection without an answer.
	Outage bool `yaml:"outage"`
	// SlowBody sends the headers at once and the body in ten pieces over this time.
	SlowBody time.Duration `yaml:"slowBody"`
	// CutBody announces the whole body, sends half of it and aborts: HTTP/1.1 loses the connection, HTTP/2 the stream.
	CutBody bool `yaml:"cutBody"`
	// ClockSkew makes the service's clock wrong by this much (may be negative). It concerns the service as a whole,
	// so it goes with none of the other fields.
	ClockSkew time.Duration `yaml:"clockSkew"`
}

// Check says what is wrong with a fault; an empty list means nothing.
func (f Fault) Check() fault.List {
	var problems fault.List
	wrong := func(field, format string, args ...any) {
		problems = append(problems, fault.New(fault.Invalid, field, format, args...))
	}
	if !slices.Contains(services, f.Service) {
		wrong("service", "unknown service %q; known are %s", f.Service, serviceNames())
	}
	if f.Count < 0 {
		wrong("count", "may not be negative")
	}
	if f.Every < 0 {
		wrong("every", "may not be negative")
	}
	if f.Latency < 0 || f.SlowBody < 0 || f.RetryAfter < 0 {
		wrong("latency", "latency, slowBody and retryAfter may not be negative")
	}
	if f.Status != 0 && (f.Status < 400 || f.Status > 599) {
		wrong("status", "must be an error status, 400 to 599")
	}
	if f.RetryAfter > 0 && f.Status == 0 {
		wrong("retryAfter", "goes only with a status")
	}
	if f.ClockSkew != 0 && f != (Fault{Service: f.Service, ClockSkew: f.ClockSkew}) {
		wrong("clockSkew", "concerns a whole service and goes with no other field")
	}
	if f.inert() {
		wrong("", "has no effect; give one of latency, status, outage, slowBody, cutBody, clockSkew")
	}
	return problems
}

func (f Fault) inert() bool {
	return f.Latency == 0 && f.Status == 0 && !f.Outage && f.SlowBody == 0 && !f.CutBody && f.ClockSkew == 0
}

// matches reports whether a request to the named subject (a node; may be empty) is one of those to strike.
func (f Fault) matches(service Service, subject string, r *http.Request) bool {
	if f.Service != service || f.ClockSkew != 0 || !strings.Contains(r.URL.Path, f.Path) {
		return false
	}
	if f.Host == "" {
		return true
	}
	host, _, _ := strings.Cut(r.Host, ":")
	label, _, _ := strings.Cut(host, ".")
	return strings.EqualFold(f.Host, host) || strings.EqualFold(f.Host, label) || strings.EqualFold(f.Host, subject)
}

// MarshalJSON writes durations the way the declarative file spells them ("1.5s") and leaves out what is zero.
func (f Fault) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Service    Service `json:"service"`
		Host       string  `json:"host,omitempty"`
		Path       string  `json:"path,omitempty"`
		Count      int     `json:"count,omitempty"`
		Every      int     `json:"every,omitempty"`
		Latency    string  `json:"latency,omitempty"`
		Status     int     `json:"status,omitempty"`
		RetryAfter string  `json:"retryAfter,omitempty"`
		Outage     bool    `json:"outage,omitempty"`
		SlowBody   string  `json:"slowBody,omitempty"`
		CutBody    bool    `json:"cutBody,omitempty"`
		ClockSkew  string  `json:"clockSkew,omitempty"`
	}{
		f.Service, f.Host, f.Path, f.Count, f.Every, spell(f.Latency), f.Status, spell(f.RetryAfter),
		f.Outage, spell(f.SlowBody), f.CutBody, spell(f.ClockSkew),
	})
}

func spell(d time.Duration) string {
	if d == 0 {
		return ""
	}
	return d.String()
}

func serviceNames() string {
	names := make([]string, len(services))
	for i, s := range services {
		names[i] = string(s)
	}
	return strings.Join(names, ", ")
}
