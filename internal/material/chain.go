package material

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"fmt"
)

// chainOrder is the order leaf to root, as indexes into certs. The leaf is the certificate of the private key, or
// without one the first that issued none of the others. Certificates the chain does not reach keep their order
// behind it, and the note says so; a ring of certificates, which has no leaf, stays as it is.
func chainOrder(certs []*x509.Certificate, key crypto.PublicKey) (order []int, note string) {
	order = make([]int, 0, len(certs))
	placed := make([]bool, len(certs))
	for i := leaf(certs, key); i >= 0 && !placed[i]; i = issuer(certs, placed, i) {
		placed[i] = true
		order = append(order, i)
	}
	linked := len(order)
	for i := range certs {
		if !placed[i] {
			order = append(order, i)
		}
	}
	if linked < len(certs) {
		note = fmt.Sprintf("the chain links %d of %d certificates; the others follow in the order they are stored in", linked, len(certs))
	}
	return order, note
}

// leaf is -1 when there is none.
func leaf(certs []*x509.Certificate, key crypto.PublicKey) int {
	if k, ok := key.(interface{ Equal(crypto.PublicKey) bool }); ok {
		for i, c := range certs {
			if k.Equal(c.PublicKey) {
				return i
			}
		}
	}
	parent := make([]bool, len(certs))
	none := make([]bool, len(certs))
	for i := range certs {
		if p := issuer(certs, none, i); p >= 0 {
			parent[p] = true
		}
	}
	for i := range certs {
		if !parent[i] {
			return i
		}
	}
	return -1
}

// issuer is the certificate that issued the i-th, among those not placed yet, or -1. A match of key ids and names
// beats one of key ids, and that one of names; the first of equals wins.
func issuer(certs []*x509.Certificate, placed []bool, i int) int {
	if bytes.Equal(certs[i].RawIssuer, certs[i].RawSubject) && selfIssued(certs[i]) {
		return -1
	}
	best, bestRank := -1, 0
	for j := range certs {
		if j == i || placed[j] || bytes.Equal(certs[j].Raw, certs[i].Raw) {
			continue
		}
		if rank := linkRank(certs[i], certs[j]); rank > bestRank {
			best, bestRank = j, rank
		}
	}
	return best
}

// selfIssued tells a root from a certificate that was renewed under its own name with another key.
func selfIssued(c *x509.Certificate) bool {
	return len(c.AuthorityKeyId) == 0 || len(c.SubjectKeyId) == 0 || bytes.Equal(c.AuthorityKeyId, c.SubjectKeyId)
}

// linkRank is how surely parent issued child; 0 is not at all. Key ids that are both there and differ rule a link out
// even where the names agree: that is how a cross-signed authority's two certificates are told apart.
func linkRank(child, parent *x509.Certificate) int {
	names := len(child.RawIssuer) > 0 && bytes.Equal(child.RawIssuer, parent.RawSubject)
	known := len(child.AuthorityKeyId) > 0 && len(parent.SubjectKeyId) > 0
	ids := known && bytes.Equal(child.AuthorityKeyId, parent.SubjectKeyId)
	switch {
	case ids && names:
		return 3
	case ids:
		return 2
	case names && !known:
		return 1
	}
	return 0
}
