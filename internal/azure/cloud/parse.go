package cloud

import (
	"bytes"
	"encoding/json"
	"net/url"
	"strconv"
	"strings"
	"unicode"

	"strongroom/internal/fault"
	"strongroom/internal/form"
)

// MaxDocument is the most bytes a custom environment may have.
const MaxDocument = 64 << 10

// document is the part of a custom environment that is used; the files people have carry many more keys, which are
// left alone.
type document struct {
	Name            string `json:"name"`
	Authority       string `json:"activeDirectoryEndpoint"`
	VaultEndpoint   string `json:"keyVaultEndpoint"`
	VaultSuffix     string `json:"keyVaultDNSSuffix"`
	ResourceManager string `json:"resourceManagerEndpoint"`
	ManagerResource string `json:"serviceManagementEndpoint"`
}

// Parse reads a custom environment: a JSON object with the keys name, activeDirectoryEndpoint, keyVaultEndpoint and
// keyVaultDNSSuffix, and if there is one resourceManagerEndpoint, with serviceManagementEndpoint for the audience of its
// tokens where that is another. Every problem of the document is told at once, each of kind Invalid.
func Parse(text []byte) (Cloud, error) {
	const subject = "cloud environment file"
	if len(text) > MaxDocument {
		return Cloud{}, fault.New(fault.Invalid, subject, "is larger than %d KiB", MaxDocument>>10)
	}
	var doc document
	if err := json.Unmarshal(bytes.TrimPrefix(text, []byte("\xef\xbb\xbf")), &doc); err != nil {
		return Cloud{}, fault.Wrap(err, fault.Invalid, subject, "is not a JSON object of endpoints")
	}
	var p problems
	c := Cloud{
		Name:            p.name("name", p.required("name", doc.Name)),
		Authority:       p.endpoint("activeDirectoryEndpoint", p.required("activeDirectoryEndpoint", doc.Authority)),
		VaultResource:   p.endpoint("keyVaultEndpoint", p.required("keyVaultEndpoint", doc.VaultEndpoint)),
		VaultSuffix:     p.suffix("keyVaultDNSSuffix", p.required("keyVaultDNSSuffix", doc.VaultSuffix)),
		ResourceManager: p.endpoint("resourceManagerEndpoint", strings.TrimSpace(doc.ResourceManager)),
		ManagerResource: p.endpoint("serviceManagementEndpoint", strings.TrimSpace(doc.ManagerResource)),
	}
	if c.ManagerResource == "" {
		c.ManagerResource = c.ResourceManager
	}
	if err := p.list.AsError(); err != nil {
		return Cloud{}, err
	}
	return c, nil
}

// problems gathers what is wrong with a document, so that it is mended in one go.
type problems struct{ list fault.List }

func (p *problems) add(key, format string, args ...any) {
	p.list = append(p.list, fault.New(fault.Invalid, "cloud environment file, key "+key, format, args...))
}

func (p *problems) required(key, value string) string {
	value = strings.TrimSpace(value)
	if value == "" {
		p.add(key, "is missing or empty")
	}
	return value
}

// name keeps what people and metrics will see of the cloud short and printable.
func (p *problems) name(key, value string) string {
	if len(value) > 128 || strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) {
		p.add(key, "must be at most 128 printable characters")
		return ""
	}
	return value
}

// endpoint checks an https address and gives it without its trailing slash. Only scheme, host, port and (for AD FS
// style authorities) a path may be in it: anything else would be sent along with every token request.
func (p *problems) endpoint(key, value string) string {
	if value == "" {
		return ""
	}
	u, err := url.Parse(value)
	switch {
	case err != nil:
		p.add(key, "is not an address")
	case u.Scheme != "https":
		p.add(key, "must begin with https://, so that no token crosses the network in the clear")
	case !isHost(u.Host):
		p.add(key, "names no proper host: %q", fault.Shorten(u.Host))
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		p.add(key, "may hold only a scheme, a host and a path")
	default:
		return strings.TrimRight("https://"+strings.ToLower(u.Host)+u.EscapedPath(), "/")
	}
	return ""
}

// suffix checks what follows a vault's name: a host, perhaps with a port, and nothing that could move the name into
// another part of the address.
func (p *problems) suffix(key, value string) string {
	value = strings.ToLower(strings.TrimPrefix(value, "."))
	if value != "" && !isHost(value) {
		p.add(key, "is no host name: %q", fault.Shorten(value))
		return ""
	}
	return value
}

// hostAndPort is a DNS name of proper labels, perhaps with a port. Addresses in brackets are not clouds.
var hostAndPort = form.New(`^(?i)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*(:([0-9]{1,5}))?$`)

func isHost(s string) bool {
	groups := hostAndPort.FindStringSubmatch(s)
	if len(s) > 255 || groups == nil {
		return false
	}
	port := groups[len(groups)-1]
	_, err := strconv.ParseUint(port, 10, 16)
	return port == "" || err == nil
}
