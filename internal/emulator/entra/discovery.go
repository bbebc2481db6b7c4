package entra

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// environment is one cloud's login names, as instance discovery lists them.
type environment struct {
	Network string   `json:"preferred_network"`
	Cache   string   `json:"preferred_cache"`
	Aliases []string `json:"aliases"`
}

type instanceBody struct {
	TenantDiscovery string        `json:"tenant_discovery_endpoint"`
	APIVersion      string        `json:"api-version,omitempty"`
	Metadata        []environment `json:"metadata,omitempty"`
}

// publicEnvironments are the clouds every instance knows.
func publicEnvironments() []environment {
	return []environment{
		{"login.microsoftonline.com", "login.windows.net", []string{
			"login.microsoftonline.com", "login.windows.net", "login.microsoft.com", "sts.windows.net",
		}},
		{"login.partner.microsoftonline.cn", "login.partner.microsoftonline.cn", []string{
			"login.partner.microsoftonline.cn", "login.chinacloudapi.cn",
		}},
		{"login.microsoftonline.de", "login.microsoftonline.de", []string{"login.microsoftonline.de"}},
		{"login.microsoftonline.us", "login.microsoftonline.us", []string{
			"login.microsoftonline.us", "login.usgovcloudapi.net",
		}},
		{"login-us.microsoftonline.com", "login-us.microsoftonline.com", []string{"login-us.microsoftonline.com"}},
	}
}

// instance answers instance discovery. SDKs keep a token only under a host that stands in some alias list, so the
// authority's own host, with its port, gets an entry when it is not a public name.
func (s *Server) instance(c *call) {
	query := c.r.URL.Query()
	endpoint, err := url.Parse(query.Get("authorization_endpoint"))
	if err != nil || endpoint.Host == "" || !s.knowsHost(c.r.Host, endpoint.Host) {
		c.refuse(refuse(codeUnknownInstance))
		return
	}
	tenant, _ := splitPath(endpoint.Path)
	if tenant == "" {
		c.refuse(refuse(codeUnknownInstance))
		return
	}
	body := instanceBody{
		TenantDiscovery: endpoint.Scheme + "://" + endpoint.Host + "/" + url.PathEscape(tenant) + "/v2.0/.well-known/openid-configuration",
	}
	if query.Get("api-version") != "1.0" {
		body.APIVersion = "1.1"
		body.Metadata = s.environments(strings.ToLower(c.r.Host), strings.ToLower(endpoint.Host))
	}
	c.answer(http.StatusOK, body)
}

func (s *Server) environments(hosts ...string) []environment {
	list := publicEnvironments()
	for _, host := range hosts {
		if !slices.ContainsFunc(list, func(e environment) bool { return slices.Contains(e.Aliases, host) }) {
			list = append(list, environment{host, host, []string{host}})
		}
	}
	return list
}

// knowsHost reports whether host is a name of this authority: the one it was asked on, one configured, a public one.
func (s *Server) knowsHost(asked, host string) bool {
	if strings.EqualFold(asked, host) {
		return true
	}
	name := strings.ToLower(host)
	if bare, _, err := net.SplitHostPort(name); err == nil {
		name = bare
	}
	for _, e := range publicEnvironments() {
		if slices.Contains(e.Aliases, name) {
			return true
		}
	}
	return slices.Contains(s.hosts, name)
}
