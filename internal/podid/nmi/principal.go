package nmi

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"strongroom/api/aadpodidentity"
	"strongroom/internal/azure/token"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
	"strongroom/internal/share"
)

// publicAuthority is the token authority of an identity that names none, whatever the cloud.
const publicAuthority = "https://login.microsoftonline.com"

// authorities are Azure's own, of all clouds.
var authorities = []string{
	publicAuthority, "https://login.windows.net", "https://login.microsoft.com",
	"https://login.microsoftonline.us", "https://login-us.microsoftonline.com", "https://login.usgovcloudapi.net",
	"https://login.partner.microsoftonline.cn", "https://login.chinacloudapi.cn", "https://login.microsoftonline.de",
}

// servicePrincipal proves by the credential in a Secret: one token of the identity's own tenant, and one of each
// auxiliary tenant.
func (s *Server) servicePrincipal(ctx context.Context, e *errand, i aadpodidentity.Identity, subject string) (issued, error) {
	authority, err := s.authority(i, subject)
	if err != nil {
		return issued{}, err
	}
	if err := s.credentialAllowed(i, subject); err != nil {
		return issued{}, err
	}
	got := issued{clientID: i.ClientID}
	for _, tenant := range append([]string{i.TenantID}, i.AuxiliaryTenantIDs...) {
		target := token.Target{
			Authority: authority, Tenant: tenant, ClientID: i.ClientID, Resource: e.resource, Handed: true, Kept: "Secret " + place(i.ClientPassword),
		}
		t, err := s.keep(ctx, e, s.wantOf(i, target), noGrace, func(ctx context.Context) (token.Token, error) {
			return s.prove(ctx, i, target, subject)
		})
		if err != nil {
			return issued{}, err
		}
		got.tokens = append(got.tokens, t)
	}
	return got, nil
}

// noGrace is for an authority: what it does not know it will not know in a moment.
func noGrace() time.Time { return time.Time{} }

// credentialAllowed says what is wrong with an identity before its Secret is read.
func (s *Server) credentialAllowed(i aadpodidentity.Identity, subject string) error {
	const mostTenants = 3
	ref := i.ClientPassword
	switch {
	case s.Secrets == nil:
		return fault.New(fault.Unsupported, subject, "is a service principal, and this daemon was not given Secrets to read").
			Mend("let it read the Secret: podIdentity.rbac.allowAccessToSecrets in the chart")
	case ref.Name == "" || ref.Namespace == "":
		return fault.New(fault.Denied, subject, "names no Secret with name and namespace in clientPassword")
	case ref.Namespace != i.Namespace && (s.ForceNamespaced || i.Namespaced()):
		return fault.New(fault.Denied, subject, "keeps to its namespace, and its Secret %s is in another", place(ref)).
			Mend("put the Secret into namespace %s", i.Namespace)
	case len(i.AuxiliaryTenantIDs) > mostTenants:
		return fault.New(fault.Denied, subject, "names %d auxiliary tenants; %d are allowed", len(i.AuxiliaryTenantIDs), mostTenants)
	}
	return nil
}

// wantOf names the token in share: whatever could make the authority answer differently is in the principal. The
// credential stands there by its place: who may name the Secret gets what it gives.
func (s *Server) wantOf(i aadpodidentity.Identity, t token.Target) share.Want {
	return share.Want{
		Grant: share.Grant{Principal: secret.Principal{
			Mode: secret.PodIdentity, Authority: t.Authority, Tenant: strings.ToLower(t.Tenant), Client: strings.ToLower(t.ClientID),
			Evidence: fmt.Sprintf("%d %s\n%s", i.Type, place(i.ClientPassword), t.Resource),
		}},
		Vault: t.Authority, Name: "token " + t.Resource,
	}
}

// prove reads the Secret and asks for a token with what it holds.
func (s *Server) prove(ctx context.Context, i aadpodidentity.Identity, t token.Target, subject string) (token.Token, error) {
	data, err := s.Secrets.Data(ctx, i.ClientPassword.Namespace, i.ClientPassword.Name)
	if err != nil {
		s.Meter.SecretUnread()
		return token.Token{}, unread(err, subject, i.ClientPassword)
	}
	var ask func() (token.Token, error)
	if i.Type == aadpodidentity.ServicePrincipal {
		value, err := clientSecret(data, i.ClientPassword)
		if err != nil {
			return token.Token{}, err
		}
		ask = func() (token.Token, error) { return s.Tokens.ClientSecret(ctx, t, value) }
	} else {
		certificate, err := clientCertificate(data, i.ClientPassword)
		if err != nil {
			return token.Token{}, err
		}
		ask = func() (token.Token, error) { return s.Tokens.ClientCertificate(ctx, t, certificate) }
	}
	began := s.Clock.Now()
	got, err := ask()
	s.Meter.AskedEntra(s.Clock.Now().Sub(began), err)
	return got, err
}

// unread is why the Secret could not be read. An API server that does not answer is not held against the authority.
func unread(err error, subject string, ref aadpodidentity.SecretRef) error {
	kind := fault.KindOf(err)
	switch kind {
	case fault.Unavailable, fault.Throttled:
		kind = fault.Busy
	case fault.NotFound:
		return fault.Wrap(err, kind, subject, "its Secret %s cannot be read", place(ref)).
			Mend("kubectl create secret generic %s --namespace %s --from-literal=clientSecret=<value>", ref.Name, ref.Namespace)
	}
	return fault.Wrap(err, kind, subject, "its Secret %s cannot be read", place(ref))
}

func place(ref aadpodidentity.SecretRef) string { return ref.Namespace + "/" + ref.Name }

// clientSecret is the value under the name that the samples use, else the only value that there is.
func clientSecret(data map[string]secret.Value, ref aadpodidentity.SecretRef) (secret.Value, error) {
	for _, key := range []string{"clientSecret", "ClientSecret"} {
		if v, there := data[key]; there && v.Len() > 0 {
			return v, nil
		}
	}
	if len(data) == 1 {
		for _, v := range data {
			if v.Len() > 0 {
				return v, nil
			}
		}
	}
	return secret.Value{}, fault.New(fault.Denied, "Secret "+place(ref), "has %d keys, and none of them is clientSecret with a value", len(data)).
		Mend("put the client secret under the key clientSecret")
}

func clientCertificate(data map[string]secret.Value, ref aadpodidentity.SecretRef) (*token.Certificate, error) {
	raw, password := data["certificate"], data["password"]
	if raw.Len() == 0 {
		raw, password = data["Certificate"], data["Password"]
	}
	if raw.Len() == 0 {
		return nil, fault.New(fault.Denied, "Secret "+place(ref), "has no certificate under the key certificate").
			Mend("kubectl create secret generic %s --namespace %s --from-file=certificate=<file.pfx> --from-literal=password=<password>", ref.Name, ref.Namespace)
	}
	certificate, err := token.ParseCertificate(raw, password)
	var f *fault.Error
	if errors.As(err, &f) {
		f.Mend("put a PKCS#12 file with one RSA key under the key certificate of Secret %s, and its password under password", place(ref))
		return nil, fault.Wrap(err, fault.Denied, "Secret "+place(ref), "holds a certificate that cannot be used")
	}
	return certificate, err
}

// authority is where the identity's tokens come from: Azure's own authorities and those of the configuration, and no
// other. Anybody who may create an AzureIdentity could otherwise send the credential elsewhere, or have tokens made for a
// client id that is not theirs.
func (s *Server) authority(i aadpodidentity.Identity, subject string) (string, error) {
	if i.ADEndpoint == "" {
		return publicAuthority, nil
	}
	u, err := url.Parse(i.ADEndpoint)
	if err != nil || strings.Trim(u.Path, "/") != "" || u.User != nil || u.RawQuery != "" {
		return "", fault.New(fault.Denied, subject, "its adEndpoint is not the address of a token authority: %q", fault.Shorten(i.ADEndpoint))
	}
	plain := strings.ToLower(u.Scheme + "://" + u.Host)
	known := func(a string) bool { return strings.EqualFold(strings.TrimRight(a, "/"), plain) }
	if slices.ContainsFunc(authorities, known) || slices.ContainsFunc(s.Authorities, known) {
		return plain, nil
	}
	return "", fault.New(fault.Denied, subject, "its adEndpoint %s is no token authority of Azure, nor one that this node was told to trust", fault.Shorten(plain)).
		Mend("start nmi with --authorities=%s if it is to be trusted", plain)
}
