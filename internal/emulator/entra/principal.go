package entra

import "time"

// Tenant is one directory of organisations. Every principal lives in exactly one.
type Tenant struct {
	ID     string `yaml:"id"`               // GUID; derived from Domain when empty
	Domain string `yaml:"domain,omitempty"` // e.g. contoso.onmicrosoft.com; accepted wherever the id is
}

// Application is an app registration, as a rule together with its service principal in its own tenant.
type Application struct {
	Name         string                `yaml:"name"`
	TenantID     string                `yaml:"tenantId,omitempty"` // empty: the directory's only tenant
	ClientID     string                `yaml:"clientId,omitempty"` // empty: derived from tenant and name
	ObjectID     string                `yaml:"objectId,omitempty"` // of the service principal; empty: derived
	Secrets      []ClientSecret        `yaml:"secrets,omitempty"`
	Certificates []ClientCertificate   `yaml:"certificates,omitempty"`
	Federated    []FederatedCredential `yaml:"federatedCredentials,omitempty"`
	// Blocked makes conditional access refuse every token for the application (AADSTS53003).
	Blocked bool `yaml:"blocked,omitempty"`
	// RegistrationID is the object id of the registration, which only Graph knows it by; empty: derived. No policy and
	// no role can be for it, which is a mistake people make.
	RegistrationID string `yaml:"registrationId,omitempty"`
	// IdentifierURIs are further names of the application, such as api://shop; each belongs to one application.
	IdentifierURIs []string `yaml:"identifierUris,omitempty"`
	// Unenrolled is a registration without a service principal: it gets no token (AADSTS7000229), and ObjectID is empty.
	Unenrolled bool `yaml:"unenrolled,omitempty"`
	// Created is when it was registered; zero is long ago.
	Created time.Time `yaml:"created,omitempty"`
}

// Identity is a managed identity. A user-assigned one may carry federated credentials; a system-assigned one belongs
// to the machine its ResourceID names and can only be had from that machine's IMDS.
type Identity struct {
	Name           string                `yaml:"name"`
	TenantID       string                `yaml:"tenantId,omitempty"`   // empty: the directory's only tenant
	ClientID       string                `yaml:"clientId,omitempty"`   // empty: derived from tenant and name
	ObjectID       string                `yaml:"objectId,omitempty"`   // principal id; empty: derived
	ResourceID     string                `yaml:"resourceId,omitempty"` // ARM id; empty: derived
	SystemAssigned bool                  `yaml:"systemAssigned,omitempty"`
	Federated      []FederatedCredential `yaml:"federatedCredentials,omitempty"`
}

// Kind says what sort of principal one is.
type Kind string

// The sorts of principal a directory holds.
const (
	KindApplication    Kind = "application"
	KindUserAssigned   Kind = "user-assigned"
	KindSystemAssigned Kind = "system-assigned"
)

// Principal is what applications and identities have in common: who a token is for. The zero value is nobody.
type Principal struct {
	Kind       Kind
	Name       string
	TenantID   string
	ClientID   string
	ObjectID   string
	ResourceID string // managed identities only
}
