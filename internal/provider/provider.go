// Package provider is the narrow door between a volume and whoever fetches its content. A provider may be in the same
// process (tests, the command line) or behind a plugin socket (provider/socket); publish cannot tell which. Attributes
// pass through undecoded, so a third party's class works as well as ours.
package provider

import (
	"context"
	"io/fs"
	"time"

	"strongroom/internal/secret"
)

// Provider fetches the content of one volume.
type Provider interface {
	// Mount fetches everything the class asks for, or fails as a whole. Response.Report is filled as far as the
	// provider got, with an error too. Errors are *fault.Error.
	Mount(ctx context.Context, req Request) (Response, error)
}

// Request is one fetch for one volume.
type Request struct {
	// Attributes are the class's parameters together with the volume's attributes and the kubelet's pod information
	// (csi.storage.k8s.io/...). They are the protocol's "attributes".
	Attributes map[string]string
	// Secrets is the content of nodePublishSecretRef; nil when there is none. What is to live longer than the call must
	// be copied: its owner may overwrite it then.
	Secrets map[string]secret.Value
	// Target is where the files will appear; for messages and for third-party providers that want it.
	Target string
	// Mode is the permission for files whose object names none.
	Mode fs.FileMode
	// Current is what the volume holds now; nil on a first mount.
	Current []secret.Version
	// Freshness says how old a shared answer may be.
	Freshness Freshness
}

// Freshness bounds the age of an answer that was fetched for somebody else. The zero value means the driver said
// nothing, and the provider's own window applies.
type Freshness struct {
	// NotBefore is the earliest moment an answer may have been asked for, with a monotonic reading: typically when the
	// node first saw the pod. A moment rather than an age, because a request may wait for its turn, and a hundred that
	// wait must still be able to share what the first one asks for.
	NotBefore time.Time
}

// Stated says whether the driver said anything.
func (f Freshness) Stated() bool { return !f.NotBefore.IsZero() }

// Response is a volume's whole content.
type Response struct {
	Files    []secret.File
	Versions []secret.Version
	Report   Report
}

// Report is what a person wants to know of a fetch. It holds no values and may be logged, printed and sent. The zero
// value is what a third-party provider gives: nothing is known.
type Report struct {
	Identity  string        `json:"identity,omitempty"`  // who Azure saw: mode, client id
	Why       string        `json:"why,omitempty"`       // which parameter decided that
	Authority string        `json:"authority,omitempty"` // where the token came from
	Audience  string        `json:"audience,omitempty"`  // the audience of the presented service account token, if any
	Resource  string        `json:"resource,omitempty"`  // what the access token is for
	Vault     string        `json:"vault,omitempty"`     // the vault's address
	Objects   []Outcome     `json:"objects,omitempty"`
	Calls     Calls         `json:"calls"`
	Age       time.Duration `json:"age"`             // of the oldest answer that may have changed since, when the fetch began
	Notes     []string      `json:"notes,omitempty"` // findings that stop nothing, such as a parameter without effect
}

// Calls counts the requests this fetch itself caused; what was shared with another fetch is counted once, there.
type Calls struct {
	Token  int `json:"token"`  // to Entra, IMDS or NMI
	Vault  int `json:"vault"`  // to Key Vault
	Shared int `json:"shared"` // answers that cost no request
}

// State is how one object fared.
type State string

// The states of an object in a report.
const (
	Fresh   State = "fresh"   // the store gave it, recently enough
	Stale   State = "stale"   // last known good, because the store could not be asked
	Missing State = "missing" // an optional object that does not exist or may not be read; no file
	Failed  State = "failed"  // the reason the fetch failed
)

// Outcome is one object's part in a report.
type Outcome struct {
	Object  string        `json:"object"` // kind/name[@version] as asked for
	State   State         `json:"state"`
	Version string        `json:"version,omitempty"` // what the store gave
	Files   []string      `json:"files,omitempty"`
	Age     time.Duration `json:"age"`             // since it was asked for
	Error   string        `json:"error,omitempty"` // for missing and failed
	Kind    string        `json:"kind,omitempty"`  // the error's fault kind
	Remedy  string        `json:"remedy,omitempty"`
	Notes   []string      `json:"notes,omitempty"`
}
