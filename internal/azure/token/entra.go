package token

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"strongroom/internal/fault"
	"strongroom/internal/form"
	"strongroom/internal/secret"
)

const (
	assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
	// adfs in a tenant's place names an Active Directory Federation Services authority.
	adfs = "adfs"
)

// tenantForm is what a tenant's id or domain may consist of; it becomes part of a URL.
var tenantForm = form.UpTo(253, `^[A-Za-z0-9][A-Za-z0-9.-]*$`)

// ClientSecret proves by the secret of an application (OAuth 2 client credentials).
func (c *Client) ClientSecret(ctx context.Context, t Target, clientSecret secret.Value) (Token, error) {
	endpoint, err := t.endpoint()
	if err != nil {
		return Token{}, err
	}
	form := t.form()
	form.Set("client_secret", string(clientSecret.Reveal()))
	return c.exchange(ctx, c.config.HTTP, endpoint, form, claimant{target: t, flow: bySecret, hidden: clientSecret})
}

// ClientCertificate proves by an assertion signed with an application's certificate: PS256 and SHA-256 thumbprint for
// Entra ID, RS256 and SHA-1 thumbprint for AD FS, which knows no other.
func (c *Client) ClientCertificate(ctx context.Context, t Target, certificate *Certificate) (Token, error) {
	endpoint, err := t.endpoint()
	if err != nil {
		return Token{}, err
	}
	signed, err := certificate.assertion(endpoint, t.ClientID, c.config.Clock.Now(), t.isADFS())
	if err != nil {
		return Token{}, fault.Wrap(err, fault.Invalid, "client certificate", "its key cannot sign")
	}
	return c.exchange(ctx, c.config.HTTP, endpoint, t.assertionForm(signed),
		claimant{target: t, flow: byCertificate, hidden: signed})
}

// Federated exchanges a service account token for one of the application or user-assigned identity that trusts it.
func (c *Client) Federated(ctx context.Context, t Target, a Assertion) (Token, error) {
	endpoint, err := t.endpoint()
	if err != nil {
		return Token{}, err
	}
	return c.exchange(ctx, c.config.HTTP, endpoint, t.assertionForm(a.Raw),
		claimant{target: t, flow: byFederation, assertion: a, hidden: a.Raw})
}

// exchange is the one POST behind every flow of the token authority.
func (c *Client) exchange(ctx context.Context, via *http.Client, endpoint string, form url.Values, who claimant) (Token, error) {
	req, err := http.NewRequest(http.MethodPost, endpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return Token{}, fault.New(fault.Invalid, who.subject(), "the authority is not an address")
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded; charset=utf-8")
	asked := c.config.Clock.Now()
	r, err := c.send(ctx, via, req, who.subject())
	if err != nil {
		return Token{}, err
	}
	if !r.ok() {
		return Token{}, refusal(r, who, asked)
	}
	token, err := readToken(r.body, who.subject(), asked)
	if err != nil {
		return Token{}, err
	}
	token.ClientID = who.target.ClientID
	return token, nil
}

// endpoint is where tokens are asked for. It follows from authority and tenant, so discovery, which would ask a public
// host about a private authority, is never needed.
func (t Target) endpoint() (string, error) {
	u, err := url.Parse(t.Authority)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fault.New(fault.Invalid, "token authority", "is not a plain https address: %q", t.Authority)
	}
	path, err := t.path()
	if err != nil {
		return "", err
	}
	return strings.TrimRight(t.Authority, "/") + path, nil
}

func (t Target) path() (string, error) {
	if t.isADFS() {
		return "/adfs/oauth2/token/", nil
	}
	if !tenantForm.MatchString(t.Tenant) {
		return "", fault.New(fault.Invalid, "parameter tenantId", "is not a tenant's id or domain name: %q", t.Tenant)
	}
	return "/" + t.Tenant + "/oauth2/v2.0/token", nil
}

func (t Target) isADFS() bool { return strings.EqualFold(t.Tenant, adfs) }

func (t Target) form() url.Values {
	form := url.Values{
		"client_id":  {t.ClientID},
		"grant_type": {"client_credentials"},
		"scope":      {t.Resource + "/.default"},
	}
	if !t.isADFS() && !t.Handed {
		form.Set("claims", mergedClaims(t.Claims))
	}
	return form
}

func (t Target) assertionForm(assertion secret.Value) url.Values {
	form := t.form()
	form.Set("client_assertion_type", assertionType)
	form.Set("client_assertion", string(assertion.Reveal()))
	return form
}

// mergedClaims says that we can answer a claims challenge (client capability CP1), together with the claims of one that
// came. Claims that are not a JSON object are left out: the resource will then ask again and be refused, with its own
// words.
func mergedClaims(challenge string) string {
	claims := map[string]any{}
	if json.Unmarshal([]byte(challenge), &claims) != nil || claims == nil {
		claims = map[string]any{}
	}
	access, ok := claims["access_token"].(map[string]any)
	if !ok {
		access = map[string]any{}
		claims["access_token"] = access
	}
	access["xms_cc"] = map[string]any{"values": []string{"CP1"}}
	merged, err := json.Marshal(claims)
	if err != nil { // what was unmarshalled can be marshalled
		return ""
	}
	return string(merged)
}
