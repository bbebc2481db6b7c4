package token

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base32"
	"net/url"
	"strings"

	"strongroom/internal/azure/transport"
	"strongroom/internal/fault"
)

// Bound exchanges a service account token at the cluster's token proxy, for a cluster identity binding of AKS: the
// request of Federated, with its path, to another server under another name. Target.Authority is not used.
func (c *Client) Bound(ctx context.Context, t Target, a Assertion) (Token, error) {
	who := claimant{target: t, flow: byBinding, assertion: a, hidden: a.Raw}
	path, err := t.path()
	if err != nil {
		return Token{}, err
	}
	base, err := url.Parse(c.binding.URL)
	if err != nil || base.Scheme != "https" || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return Token{}, fault.New(fault.Invalid, "token proxy", "is not a plain https address: %q", c.binding.URL)
	}
	clients, err := c.binding.clients(ctx)
	if err != nil {
		return Token{}, err
	}
	return c.exchange(ctx, clients.Azure, strings.TrimRight(c.binding.URL, "/")+path, t.assertionForm(a.Raw), who)
}

// binding is the way to the token proxy. It is made at the first use: most nodes never need it, and it takes a look at
// the API server.
type binding struct {
	Binding
	turn chan struct{} // holds one; a lock that gives up with its context, because the API server is asked under it
	sni  string
	ca   []byte
	made *transport.Clients
}

func newBinding(b Binding) *binding {
	if b.URL == "" {
		b.URL = "https://kubernetes.default.svc.cluster.local"
	}
	if b.APIServer == "" {
		b.APIServer = "kubernetes.default.svc.cluster.local:443"
	}
	return &binding{Binding: b, turn: make(chan struct{}, 1), sni: b.SNI}
}

// clients are made anew when the cluster's certificates have changed.
func (b *binding) clients(ctx context.Context) (*transport.Clients, error) {
	select {
	case b.turn <- struct{}{}:
		defer func() { <-b.turn }()
	case <-ctx.Done():
		return nil, fault.Wrap(ctx.Err(), fault.Unavailable, "token proxy", "was being looked for")
	}
	ca, err := b.authorities()
	if err != nil {
		return nil, err
	}
	if b.made != nil && bytes.Equal(ca, b.ca) {
		return b.made, nil
	}
	if b.sni == "" {
		if b.sni, err = b.find(ctx, ca); err != nil {
			return nil, err
		}
	}
	made, err := transport.New(transport.Config{CA: ca, CAOnly: true, ServerName: b.sni})
	if err != nil {
		return nil, err
	}
	if b.made != nil {
		b.made.Close()
	}
	b.made, b.ca = made, ca
	return made, nil
}

func (b *binding) authorities() ([]byte, error) {
	if b.CA == nil {
		return nil, fault.New(fault.Unsupported, "token proxy", "no certificate authority of the cluster is configured")
	}
	ca, err := b.CA()
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "token proxy", "the cluster's certificate authority cannot be read").
			Mend("let the provider see the ConfigMap kube-root-ca.crt of its namespace, as the chart does, or name another file by --token-proxy-ca-file")
	}
	return ca, nil
}

// find asks the API server for its certificate; that is a TLS handshake, not a request.
func (b *binding) find(ctx context.Context, ca []byte) (string, error) {
	clients, err := transport.New(transport.Config{CA: ca, CAOnly: true})
	if err != nil {
		return "", err
	}
	certificate, err := clients.PeerCertificate(ctx, b.APIServer)
	if err != nil {
		return "", transport.Unreached(err, "token proxy", b.APIServer)
	}
	return BindingServerName(certificate)
}

// BindingServerName is the TLS server name under which a cluster's token proxy answers, made of the cluster's id, which
// AKS writes into the API server's certificate as hcp-kubernetes.<id>.svc.cluster.local. It is Unsupported for a
// certificate without one.
func BindingServerName(apiServer *x509.Certificate) (string, error) {
	for _, name := range apiServer.DNSNames {
		id, ok := strings.CutPrefix(name, "hcp-kubernetes.")
		if !ok {
			continue
		}
		if id, ok = strings.CutSuffix(id, ".svc.cluster.local"); ok && id != "" {
			sum := sha256.Sum256([]byte("identity-binding" + id))
			label := base32.HexEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:])
			return "a" + strings.ToLower(label) + ".ests.aks", nil
		}
	}
	return "", fault.New(fault.Unsupported, "token proxy", "the API server's certificate names no AKS cluster").
		Mend("useAzureTokenProxy works on AKS with identity bindings; elsewhere give --sni-name")
}
