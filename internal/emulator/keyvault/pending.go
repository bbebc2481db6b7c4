package keyvault

import (
	"crypto/x509"
	"net/http"

	"strongroom/internal/emulator/keyvault/mint"
	"strongroom/internal/emulator/keyvault/store"
)

type operationOut struct {
	ID         string       `json:"id"`
	Issuer     issuerProps  `json:"issuer"`
	CSR        []byte       `json:"csr"`
	Cancelling bool         `json:"cancellation_requested"`
	Status     store.Status `json:"status"`
	Details    string       `json:"status_details,omitempty"`
	Target     string       `json:"target,omitempty"`
	RequestID  string       `json:"request_id"`
	Preserve   bool         `json:"preserveCertOrder"`
}

func (c *call) operation(item *store.Item) operationOut {
	r := item.Request
	out := operationOut{
		ID: c.id(Certificates, item.Name, "") + "/pending", Issuer: issuerProps{Name: r.Issuer}, CSR: r.CSR,
		Cancelling: r.Cancelling, Status: r.Status, RequestID: r.ID,
	}
	if v := item.Version(r.Version); v != nil {
		out.Preserve = v.Certificate.PreserveOrder
	}
	switch {
	case r.Status == store.Completed:
		out.Target = c.id(Certificates, item.Name, "")
	case r.Status == store.InProgress && r.Issuer == unknownIssuer:
		out.Details = "Pending certificate created. Please Perform Merge to complete the request."
	case r.Status == store.InProgress:
		out.Details = "Pending certificate created. Certificate request is in progress. This may take some time based " +
			"on the issuer provider. Please check again later."
	}
	return out
}

// pending finds the named certificate's request.
func (c *call) pending() (*store.Item, *failure) {
	item, state := c.data.Certificates.Look(c.name(), c.now)
	if state != store.Live || item.Request == nil {
		return nil, &failure{http.StatusNotFound, "PendingCertificateNotFound", "", "Pending certificate not found: " + c.name()}
	}
	return item, nil
}

func getPending(c *call) (answer, *failure) {
	item, f := c.pending()
	if f != nil {
		return answer{}, f
	}
	return ok(c.operation(item))
}

// cancelPending asks the issuer to stop; the request says it was cancelled from the next poll on.
func cancelPending(c *call) (answer, *failure) {
	item, f := c.pending()
	if f != nil {
		return answer{}, f
	}
	var in struct {
		Cancel bool `json:"cancellation_requested"`
	}
	if f := c.decode(&in); f != nil {
		return answer{}, f
	}
	if !item.Request.Open() {
		return answer{}, forbidden("", "The pending certificate is not in progress and cannot be cancelled.")
	}
	item.Request.Cancelling = in.Cancel
	return ok(c.operation(item))
}

// deletePending forgets the request, and the version that never came of it.
func deletePending(c *call) (answer, *failure) {
	item, f := c.pending()
	if f != nil {
		return answer{}, f
	}
	out := c.operation(item)
	version, unfinished := item.Request.Version, item.Request.Status != store.Completed
	item.Request = nil
	if unfinished {
		c.data.WithBacking(&c.data.Certificates, item, func(s *store.Shelf, i *store.Item) {
			if i.Drop(version); len(i.Versions) == 0 {
				s.Remove(i.Name)
			}
		})
	}
	return ok(out)
}

type mergeIn struct {
	Chain      [][]byte          `json:"x5c"`
	Attributes *attributesIn     `json:"attributes"`
	Tags       map[string]string `json:"tags"`
}

// mergePending takes a certificate that someone else signed for the pending key.
func mergePending(c *call) (answer, *failure) {
	item, f := c.pending()
	if f != nil {
		return answer{}, f
	}
	var in mergeIn
	if f := c.decode(&in); f != nil {
		return answer{}, f
	}
	if !item.Request.Open() {
		return answer{}, badParameter("The pending certificate is not in progress; there is nothing to merge with.")
	}
	b, f := c.merged(item, in.Chain)
	if f != nil {
		return answer{}, f
	}
	v := item.Version(item.Request.Version)
	if f := checkTags(in.Tags); f != nil {
		return answer{}, f
	}
	if err := c.finish(item, b); err != nil {
		return answer{}, failed(err)
	}
	for _, version := range c.data.Behind(&c.data.Certificates, item, v) {
		if f := apply(version, in.Attributes, in.Tags); f != nil {
			return answer{}, f
		}
	}
	out, f := c.certificateBundle(item, v)
	return answer{status: http.StatusCreated, body: out}, f
}

// merged joins the pending key with the chain; one of the certificates must be for it.
func (c *call) merged(item *store.Item, chain [][]byte) (mint.Bundle, *failure) {
	key, _, err := c.pendingKey(item)
	if err != nil {
		return mint.Bundle{}, failed(err)
	}
	b := mint.Bundle{Key: key}
	for _, der := range chain {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return b, badParameter("The property x5c holds something that is not a certificate.")
		}
		b.Certs = append(b.Certs, cert)
		if b.Leaf == nil && mint.Fits(key, cert) {
			b.Leaf = cert
		}
	}
	if b.Leaf == nil {
		return b, badParameter("The public key of the end-entity certificate in the specified X.509 certificate content " +
			"does not match the public part of the specified private key.")
	}
	return b, nil
}
