package emulator

import (
	"fmt"

	"strongroom/internal/emulator/state"
)

// Add puts more principals, vaults and bindings into a running emulator: what a test needs for itself, beside what
// others are using. Names must be new. Invalid with every problem of the piece, and then nothing is added; a problem
// that only a service finds (a certificate that cannot be made) leaves what was added before it.
func (e *Emulator) Add(piece state.Document) error {
	e.adding.Lock()
	defer e.adding.Unlock()
	whole, err := state.Join(e.config.Document, piece)
	if err != nil {
		return err
	}
	p := &problems{}
	e.addPrincipals(piece, p)
	for i, v := range piece.Vaults {
		e.addVault(v, fmt.Sprintf("vaults[%d]", i), p)
	}
	for i, b := range piece.IdentityBindings {
		p.add(e.bind(b), "identityBindings[%d]", i)
	}
	bound := podBindings(whole.PodBindings)
	e.pods.Store(&bound)
	e.config.Document = whole
	e.changed.Store(true)
	return p.err()
}

// addText is Add for the control endpoint.
func (e *Emulator) addText(text []byte) (any, error) {
	piece, err := state.ParsePiece(text)
	if err != nil {
		return nil, err
	}
	if err := e.Add(piece); err != nil {
		return nil, err
	}
	return e.identified(piece), nil
}

// Ids are what a client needs to speak as a principal, or to be told of one.
type Ids struct {
	TenantID   string `json:"tenantId"`
	ClientID   string `json:"clientId"`
	ObjectID   string `json:"objectId"`
	ResourceID string `json:"resourceId,omitempty"` // managed identities only
}

// identified tells the ids of a piece's principals by name, those that were derived among them.
func (e *Emulator) identified(piece state.Document) map[string]Ids {
	ids := map[string]Ids{}
	tell := func(name string) {
		p, _ := e.directory.Find(name)
		ids[name] = Ids{p.TenantID, p.ClientID, p.ObjectID, p.ResourceID}
	}
	for _, a := range piece.Applications {
		tell(a.Name)
	}
	for _, i := range piece.Identities {
		tell(i.Name)
	}
	return ids
}
