package store

import "time"

// Status is where a certificate request stands, in wire spelling.
type Status string

// The states of a request.
const (
	InProgress Status = "inProgress"
	Completed  Status = "completed"
	Cancelled  Status = "cancelled"
	Failed     Status = "failed"
)

// Request is a request for a new version of a certificate. The version itself already stands on the shelves, pending.
type Request struct {
	ID         string
	Version    string
	Status     Status
	Cancelling bool
	CSR        []byte
	Issuer     string    // "Self", "Unknown" or an issuer of the vault
	Due        time.Time // when the issuer is done; without meaning for Unknown
	Enabled    bool      // what the version becomes once it is issued
}

// Open reports whether the request still waits.
func (r *Request) Open() bool { return r != nil && r.Status == InProgress }

// Ripe reports whether the issuer has done its part by now.
func (r *Request) Ripe(now time.Time) bool {
	return r.Open() && !r.Cancelling && r.Issuer != "Unknown" && !now.Before(r.Due)
}
