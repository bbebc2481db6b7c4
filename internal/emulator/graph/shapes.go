package graph

import (
	"crypto/sha1"
	"encoding/base64"
	"encoding/hex"
	"time"

	"strongroom/internal/emulator/entra"
)

// applicationBody is an application as it is read. Of the many properties that a real one has, those are here that
// people set or tools ask for; lists that nothing fills are there because tools go through them.
type applicationBody struct {
	Type         string         `json:"@odata.type,omitempty"`
	ID           string         `json:"id"`
	AppID        string         `json:"appId"`
	Name         string         `json:"displayName"`
	Created      *time.Time     `json:"createdDateTime"`
	URIs         []string       `json:"identifierUris"`
	Audience     string         `json:"signInAudience"`
	Domain       string         `json:"publisherDomain"`
	Passwords    []passwordBody `json:"passwordCredentials"`
	Keys         []keyBody      `json:"keyCredentials"`
	Roles        []any          `json:"appRoles"`
	Accesses     []any          `json:"requiredResourceAccess"`
	Tags         []string       `json:"tags"`
	Web          map[string]any `json:"web"`
	PublicClient map[string]any `json:"publicClient"`
}

type passwordBody struct {
	KeyID string     `json:"keyId"`
	Name  string     `json:"displayName"`
	Start *time.Time `json:"startDateTime"`
	End   *time.Time `json:"endDateTime"`
	Hint  *string    `json:"hint"`
	Text  *string    `json:"secretText"`
}

type keyBody struct {
	KeyID string     `json:"keyId"`
	Name  string     `json:"displayName"`
	Start *time.Time `json:"startDateTime"`
	End   *time.Time `json:"endDateTime"`
	Type  string     `json:"type"`
	Usage string     `json:"usage"`
	Print string     `json:"customKeyIdentifier"`
	Key   *string    `json:"key"`
}

func (s *Server) shownApplication(a entra.Application) applicationBody {
	tenant, _ := s.config.Directory.Tenant(a.TenantID)
	body := applicationBody{
		ID: a.RegistrationID, AppID: a.ClientID, Name: a.Name, Created: instant(a.Created), URIs: orEmpty(a.IdentifierURIs),
		Audience: "AzureADMyOrg", Domain: tenant.Domain, Passwords: []passwordBody{}, Keys: []keyBody{},
		Roles: []any{}, Accesses: []any{}, Tags: []string{},
		Web: map[string]any{"redirectUris": []string{}}, PublicClient: map[string]any{"redirectUris": []string{}},
	}
	for _, secret := range a.Secrets {
		body.Passwords = append(body.Passwords, shownPassword(secret))
	}
	for _, c := range a.Certificates {
		sum := sha1.Sum(c.Certificate.Raw)
		body.Keys = append(body.Keys, keyBody{
			KeyID: keyID(sum), Name: c.Name, Type: "AsymmetricX509Cert", Usage: "Verify",
			Start: instant(c.Certificate.NotBefore), End: instant(c.Certificate.NotAfter), Print: base64.StdEncoding.EncodeToString(sum[:]),
		})
	}
	return body
}

// keyID is a certificate's id: the same for the same certificate, since the directory keeps none.
func keyID(sum [sha1.Size]byte) string {
	text := hex.EncodeToString(sum[:16])
	return text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:]
}

func shownPassword(s entra.ClientSecret) passwordBody {
	return passwordBody{KeyID: s.KeyID, Name: s.Name, End: instant(s.Expires)}
}

// principalBody is a service principal as it is read.
type principalBody struct {
	Type         string         `json:"@odata.type,omitempty"`
	ID           string         `json:"id"`
	AppID        string         `json:"appId"`
	Name         string         `json:"displayName"`
	AppName      string         `json:"appDisplayName"`
	Enabled      bool           `json:"accountEnabled"`
	Owner        string         `json:"appOwnerOrganizationId"`
	Kind         string         `json:"servicePrincipalType"`
	Names        []string       `json:"servicePrincipalNames"`
	Alternatives []string       `json:"alternativeNames"`
	Audience     string         `json:"signInAudience,omitempty"`
	Passwords    []passwordBody `json:"passwordCredentials"`
	Keys         []keyBody      `json:"keyCredentials"`
	Roles        []any          `json:"appRoles"`
	Tags         []string       `json:"tags"`
}

func principalOfApplication(a entra.Application) principalBody {
	body := bare(a.ObjectID, a.ClientID, a.Name, a.TenantID)
	body.Kind, body.Audience = "Application", "AzureADMyOrg"
	body.Names = append(body.Names, a.IdentifierURIs...)
	return body
}

// principalOfIdentity says where a managed identity belongs, as Azure does: whether it stands for itself, and its id.
func principalOfIdentity(i entra.Identity) principalBody {
	body := bare(i.ObjectID, i.ClientID, i.Name, i.TenantID)
	body.Kind = "ManagedIdentity"
	explicit := "isExplicit=True"
	if i.SystemAssigned {
		explicit = "isExplicit=False"
	}
	body.Alternatives = []string{explicit, i.ResourceID}
	return body
}

func bare(id, appID, name, tenant string) principalBody {
	return principalBody{
		ID: id, AppID: appID, Name: name, AppName: name, Enabled: true, Owner: tenant, Names: []string{appID},
		Alternatives: []string{}, Passwords: []passwordBody{}, Keys: []keyBody{}, Roles: []any{}, Tags: []string{},
	}
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Second)
	return &t
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
