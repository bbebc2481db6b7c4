package keyvault

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// The issuers every vault has: one signs for itself, the other leaves it to someone outside.
const (
	selfIssuer    = "Self"
	unknownIssuer = "Unknown"
)

func (c *call) knownIssuer(name string) bool {
	return name == selfIssuer || name == unknownIssuer || c.data.Issuers[strings.ToLower(name)] != nil
}

// issuer is an authority as its wire form has it. Details nobody here acts on are kept as they came.
type issuer struct {
	ID           string             `json:"id,omitempty"`
	Provider     string             `json:"provider,omitempty"`
	Credentials  *issuerCredentials `json:"credentials,omitempty"`
	Organization json.RawMessage    `json:"org_details,omitempty"`
	Attributes   *policyAttributes  `json:"attributes,omitempty"`
}

// issuerCredentials never show their password again.
type issuerCredentials struct {
	Account  string `json:"account_id,omitempty"`
	Password string `json:"pwd,omitempty"`
}

func (c *call) issuer(name string) (issuer, *failure) {
	var i issuer
	raw := c.data.Issuers[strings.ToLower(name)]
	if raw == nil {
		return i, &failure{http.StatusNotFound, "CertificateIssuerNotFound", "", "Certificate issuer not found: " + name}
	}
	if err := json.Unmarshal(raw, &i); err != nil {
		return i, failed(err)
	}
	return i, nil
}

// shown is the issuer as answers have it.
func (i issuer) shown() issuer {
	if i.Credentials != nil {
		i.Credentials = &issuerCredentials{Account: i.Credentials.Account}
	}
	return i
}

func (c *call) keepIssuer(i issuer) (answer, *failure) {
	i.ID = c.url("/certificates/issuers/" + c.vars["issuer"])
	attributes := policyAttributes{Enabled: true, Created: c.now.Unix()}
	if i.Attributes != nil {
		attributes.Enabled, attributes.Created = i.Attributes.Enabled, orElse(i.Attributes.Created, attributes.Created)
	}
	attributes.Updated = c.now.Unix()
	i.Attributes = &attributes
	raw, err := json.Marshal(i)
	if err != nil {
		return answer{}, failed(err)
	}
	if c.data.Issuers == nil {
		c.data.Issuers = map[string]json.RawMessage{}
	}
	c.data.Issuers[strings.ToLower(c.vars["issuer"])] = raw
	return ok(i.shown())
}

func getIssuer(c *call) (answer, *failure) {
	i, f := c.issuer(c.vars["issuer"])
	if f != nil {
		return answer{}, f
	}
	return ok(i.shown())
}

func setIssuer(c *call) (answer, *failure) {
	var i issuer
	if f := c.decode(&i); f != nil {
		return answer{}, f
	}
	if i.Provider == "" {
		return answer{}, badParameter("The parameter provider is required.")
	}
	return c.keepIssuer(i)
}

func updateIssuer(c *call) (answer, *failure) {
	i, f := c.issuer(c.vars["issuer"])
	if f != nil {
		return answer{}, f
	}
	if f := c.decode(&i); f != nil {
		return answer{}, f
	}
	return c.keepIssuer(i)
}

func deleteIssuer(c *call) (answer, *failure) {
	i, f := c.issuer(c.vars["issuer"])
	if f != nil {
		return answer{}, f
	}
	delete(c.data.Issuers, strings.ToLower(c.vars["issuer"]))
	return ok(i.shown())
}

// listIssuers is always one page: nobody has more than a handful.
func listIssuers(c *call) (answer, *failure) {
	out := pageOut{Value: []any{}}
	for _, name := range slices.Sorted(maps.Keys(c.data.Issuers)) {
		i, f := c.issuer(name)
		if f != nil {
			return answer{}, f
		}
		out.Value = append(out.Value, map[string]string{"id": i.ID, "provider": i.Provider})
	}
	return ok(out)
}

type contactsOut struct {
	ID       string          `json:"id"`
	Contacts json.RawMessage `json:"contacts"`
}

func (c *call) contacts() contactsOut {
	return contactsOut{c.url("/certificates/contacts"), c.data.Contacts}
}

func getContacts(c *call) (answer, *failure) {
	if c.data.Contacts == nil {
		return answer{}, &failure{http.StatusNotFound, "ContactsNotFound", "", "Contacts not found"}
	}
	return ok(c.contacts())
}

func setContacts(c *call) (answer, *failure) {
	var in contactsOut
	if f := c.decode(&in); f != nil {
		return answer{}, f
	}
	if in.Contacts == nil {
		return answer{}, badParameter("The parameter contacts is required.")
	}
	c.data.Contacts = in.Contacts
	return ok(c.contacts())
}

func deleteContacts(c *call) (answer, *failure) {
	a, f := getContacts(c)
	if f == nil {
		c.data.Contacts = nil
	}
	return a, f
}
