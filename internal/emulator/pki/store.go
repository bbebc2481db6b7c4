package pki

import (
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"time"

	"strongroom/internal/fault"
)

// Marshal gives the root and its private key as PEM, for an emulator that keeps its state in a file: the same root
// after a restart spares its users trusting a new one. The result is as secret as the key.
func (a *Authority) Marshal() ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "certificate authority", "encoding its key")
	}
	return append(a.PEM(), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})...), nil
}

// Load is the inverse of Marshal. A root that is past its time is refused: clients would refuse it too, with a
// message that points at the wrong thing.
func Load(stored []byte, now func() time.Time) (*Authority, error) {
	pair, err := tls.X509KeyPair(stored, stored)
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "certificate authority", "the stored root is not a certificate with its key")
	}
	key, ok := pair.PrivateKey.(*ecdsa.PrivateKey)
	if !ok || !pair.Leaf.IsCA {
		return nil, fault.New(fault.Invalid, "certificate authority", "the stored root is not an ECDSA authority")
	}
	if now().After(pair.Leaf.NotAfter) {
		return nil, fault.New(fault.Expired, "certificate authority", "the stored root expired at %s", pair.Leaf.NotAfter.Format(time.RFC3339)).
			Mend("remove the state file and trust the new root")
	}
	return &Authority{root: pair.Leaf, key: key, now: now, leaves: map[string]*tls.Certificate{}}, nil
}
