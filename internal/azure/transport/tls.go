package transport

import (
	"crypto/tls"
	"crypto/x509"

	"strongroom/internal/fault"
)

// sessions is how many servers' TLS sessions are remembered to be resumed: a process speaks to a few vaults and one
// authority.
const sessions = 32

func (c Config) tlsConfig() (*tls.Config, error) {
	roots, err := c.roots()
	if err != nil {
		return nil, err
	}
	return &tls.Config{
		MinVersion:         tls.VersionTLS12,
		RootCAs:            roots,
		ServerName:         c.ServerName,
		NextProtos:         []string{"h2", "http/1.1"},
		ClientSessionCache: tls.NewLRUClientSessionCache(sessions),
	}, nil
}

// roots is nil, meaning the system's, when nothing is added. A bundle without a single certificate is refused: trusting
// less than was meant would only be noticed at the first call.
func (c Config) roots() (*x509.CertPool, error) {
	if len(c.CA) == 0 {
		if c.CAOnly {
			return nil, fault.New(fault.Invalid, "CA bundle", "is empty, and nothing else is to be trusted")
		}
		return nil, nil
	}
	pool := x509.NewCertPool()
	if !c.CAOnly {
		system, err := x509.SystemCertPool()
		if err != nil {
			return nil, fault.Wrap(err, fault.Internal, "CA bundle", "the system's certificates cannot be read")
		}
		pool = system
	}
	if !pool.AppendCertsFromPEM(c.CA) {
		return nil, fault.New(fault.Invalid, "CA bundle", "holds no certificate in PEM").
			Mend("give a file of -----BEGIN CERTIFICATE----- blocks")
	}
	return pool, nil
}
