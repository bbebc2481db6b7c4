// Package token asks for access tokens, one method per way of proving who one is, and each method is exactly one HTTP
// request: no discovery of endpoints (they follow from authority and tenant), no retry, no cache. When to ask again and
// whom an answer may be shared with is decided elsewhere.
//
// When the other side refuses, the error says which of the credential's values was wrong and the command that mends it.
// Neither a credential nor a token is ever part of an error, also when the server sends one back in its message.
package token

import (
	"net/http"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/secret"
)

// Token is an access token with the times its user needs to know.
type Token struct {
	Value secret.Value
	// ExpiresOn is the end of its life, on the injected clock.
	ExpiresOn time.Time
	// RefreshOn is when a new one should be asked for: what the server says, else half of a life longer than two hours,
	// else four fifths.
	RefreshOn time.Time
	// NotBefore is the beginning of its life as its giver says it; zero when it does not.
	NotBefore time.Time
	// ClientID is whom the token is for, as far as is known: the application asked for, or the identity that IMDS or NMI
	// chose. Empty when a system-assigned identity did not say.
	ClientID string
}

// Target is what a token is asked for, and of whom.
type Target struct {
	// Authority is scheme and host of the token authority, e.g. https://login.microsoftonline.com. Unused by Managed
	// and Pod.
	Authority string
	// Tenant is the tenant's id or domain name; "adfs" for an Active Directory Federation Services authority. Unused by
	// Managed and Pod.
	Tenant string
	// ClientID is the application or identity asked for; for Managed empty means the node's own choice. Unused by Pod.
	ClientID string
	// ResourceID is the ARM id of the identity that Managed asks for in place of ClientID, which is not sent then. What
	// client id that identity has is told by the answer alone. Empty asks by ClientID.
	ResourceID string
	// Resource is the audience, e.g. https://vault.azure.net; a "/.default" scope is made of it where one is needed.
	Resource string
	// Claims is the JSON of a claims challenge of the resource, to be merged into the request; empty is none.
	Claims string
	// Handed says that the token is handed to a program that may not know what a claims challenge is: the authority is
	// then not told that it could be answered, which would make for a longer life that a resource may cut short.
	Handed bool
	// Kept is where an application's credential is kept, for remedies; empty is the Secret that nodePublishSecretRef
	// names.
	Kept string
}

// Assertion is a service account token, to be exchanged, with its claims for the error that says what did not match.
type Assertion struct {
	Raw                       secret.Value
	Issuer, Subject, Audience string
}

// Config holds what every request needs.
type Config struct {
	// HTTP is the client for the token authority. Required: a client of package transport, which bounds answers and
	// follows no redirect.
	HTTP *http.Client
	// Direct is the client for IMDS and NMI. Required: one of package transport that uses no proxy.
	Direct *http.Client
	// Clock dates tokens and assertions; nil is the machine's.
	Clock clock.Clock
	// IMDS is the base address of the instance metadata service; empty is http://169.254.169.254.
	IMDS string
	// NMI is the base address of the node's pod identity daemon; empty is http://localhost:2579.
	NMI string
	// Binding is how identity bindings are reached; the zero value is the cluster's own API server.
	Binding Binding
	// Version is the program's own, for the user agent "strongroom/<version>"; empty is "strongroom".
	Version string
	// UserAgentSuffix follows it, for operators who look for their clusters in Azure's logs; empty is none.
	UserAgentSuffix string
}

// Binding is the token proxy that AKS identity bindings exchange tokens at.
type Binding struct {
	// URL is the proxy's address; empty is https://kubernetes.default.svc.cluster.local.
	URL string
	// SNI is the server name in the TLS handshake. Empty has it computed, at the first use, from the certificate of the
	// API server.
	SNI string
	// APIServer is the host:port whose certificate tells the SNI; empty is kubernetes.default.svc.cluster.local:443.
	APIServer string
	// CA reads the PEM certificates that the proxy and the API server are verified with, and nothing else is trusted.
	// It is called before each exchange, so that a renewed bundle is noticed. nil makes Bound fail.
	CA func() ([]byte, error)
}
