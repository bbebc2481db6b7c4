package keyvault

import (
	"net/url"
	"strings"

	"strongroom/internal/fault"
	"strongroom/internal/form"
	"strongroom/internal/secret"
)

// Vault is where a vault answers. The zero value is no vault; make one with ParseVault. Vaults are comparable.
type Vault struct{ host string } // may carry a port; 443 is left out

// ParseVault takes a vault's address, e.g. https://name.vault.azure.net. Errors are of kind Invalid.
func ParseVault(address string) (Vault, error) {
	u, err := url.Parse(address)
	if err != nil || u.Scheme != "https" || u.Hostname() == "" || u.User != nil || strings.Trim(u.Path, "/") != "" ||
		u.RawQuery != "" || u.Fragment != "" {
		return Vault{}, fault.New(fault.Invalid, "vault", "is not a plain https address: %q", address)
	}
	return Vault{host: canonical(u)}, nil
}

// String is the vault's address, without a slash at the end.
func (v Vault) String() string { return "https://" + v.host }

// name is the vault's name as az takes it: the first label of its host.
func (v Vault) name() string {
	name, _, _ := strings.Cut(v.host, ".")
	return name
}

// canonical is a URL's host in lower case without the port that https implies; Key Vault writes :443 into its links.
func canonical(u *url.URL) string {
	return strings.ToLower(strings.TrimSuffix(u.Host, ":443"))
}

// areas are the first segment of an object's address.
var areas = map[secret.Kind]string{
	secret.Secret:      "secrets",
	secret.Key:         "keys",
	secret.Certificate: "certificates",
}

// path is an object's path. The slash at the end of a path without version is what every Azure SDK sends.
func path(o secret.Object) (string, error) {
	if err := pathable("name", o.Name); err != nil {
		return "", err
	}
	if o.Version != "" {
		if err := pathable("version", o.Version); err != nil {
			return "", err
		}
	}
	return "/" + areas[o.Kind] + "/" + url.PathEscape(o.Name) + "/" + url.PathEscape(o.Version), nil
}

// pathable refuses what no escaping makes harmless: a segment that is empty or a relative one. The vault judges the rest.
func pathable(what, s string) error {
	if s == "" || s == "." || s == ".." || len(s) > 127 {
		return fault.New(fault.Invalid, "object "+what, "cannot be part of a vault's address: %.40q", s)
	}
	return nil
}

// versionForm is what an object's version may look like: Key Vault's are 32 hexadecimal digits, but nothing here depends
// on that. A version ends up in file names and status, so it may not hold a slash.
var versionForm = form.UpTo(127, `^[0-9A-Za-z_~-][0-9A-Za-z._~-]*$`)

// versionOf is the version in an id, .../<area>/<name>/<version>. Nothing else of an id is believed: it is the server's
// text, and its host could be anyone's.
func versionOf(id string) (string, bool) {
	u, err := url.Parse(id)
	if err != nil {
		return "", false
	}
	segments := strings.Split(strings.Trim(u.Path, "/"), "/")
	if len(segments) != 3 || !versionForm.MatchString(segments[2]) {
		return "", false
	}
	return segments[2], true
}
