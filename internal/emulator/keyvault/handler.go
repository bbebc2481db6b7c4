package keyvault

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// maxBody is well above every body the interface allows; a certificate chain is the largest.
const maxBody = 1 << 20

// Handler answers the requests to one vault. A vault unknown at the time of a request answers 404; keeping its name
// from resolving, as in Azure, is the caller's part.
func (s *Server) Handler(vault string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.commonHeaders(w.Header(), r)
		if s.throttled(w, vault) {
			return
		}
		a, f := s.answer(vault, r)
		if f != nil {
			if f.status == http.StatusUnauthorized {
				w.Header().Set("WWW-Authenticate", s.cfg.Guard.Challenge(vault, r.Host))
			}
			write(w, f.status, f.body())
			return
		}
		for name, value := range a.header {
			w.Header().Set(name, value)
		}
		write(w, a.status, a.body)
	})
}

// answer goes through the gates in the service's order: who, what, may it; only then the vault is opened.
func (s *Server) answer(name string, r *http.Request) (answer, *failure) {
	v, err := s.vault(name)
	if err != nil {
		return answer{}, &failure{http.StatusNotFound, "VaultNotFound", "", "The vault " + name + " does not exist."}
	}
	if path := segments(r.URL.Path); len(path) == 1 && path[0] == "healthstatus" && r.Method == http.MethodGet {
		return ok(struct{}{}) // the one thing anybody may ask
	}
	caller, f := s.authenticate(name, r)
	if f != nil {
		return answer{}, f
	}
	query := r.URL.Query()
	if f := s.checkVersion(query); f != nil {
		return answer{}, f
	}
	route, vars, f := s.find(r)
	if f != nil {
		return answer{}, f
	}
	object := vars["name"] + vars["issuer"] // never both
	if no := s.cfg.Guard.Authorize(name, caller, route.area, route.action, object); no != nil {
		return answer{}, no.failure()
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(body) > maxBody {
		return answer{}, badParameter("The request body cannot be read or is too large.")
	}
	c := &call{host: r.Host, area: route.area, path: r.URL.Path, vars: vars, query: query, body: body}
	return s.locked(v, c, route.do)
}

// locked lets an operation at the vault's contents, brought up to the present.
func (s *Server) locked(v *vault, c *call, do operation) (answer, *failure) {
	v.mu.Lock()
	defer v.mu.Unlock()
	c.data, c.traits, c.now = v.data, v.traits, s.cfg.Clock.Now()
	c.issueRipe()
	return do(c)
}

// find looks a request's route up. A POST may carry another verb in a header, for clients behind narrow proxies.
func (s *Server) find(r *http.Request) (route, map[string]string, *failure) {
	method := r.Method
	if tunnelled := r.Header.Get("X-HTTP-Method"); method == http.MethodPost && tunnelled != "" {
		method = strings.ToUpper(tunnelled)
	}
	path := segments(r.URL.Path)
	for _, candidate := range s.routes {
		if candidate.method != method {
			continue
		}
		if vars, matches := match(candidate.words, path); matches {
			return candidate.route, vars, checkVars(vars)
		}
	}
	return route{}, nil, badParameter("Method %s does not allow operation '%s'", method, strings.Join(path, "/"))
}

// checkVersion insists on an api-version that is known; a preview is as good as what it was a preview of.
func (s *Server) checkVersion(query url.Values) *failure {
	asked := query.Get("api-version")
	if asked == "" {
		return badParameter("api-version must be specified")
	}
	final, _, _ := strings.Cut(asked, "-preview")
	if slices.Contains(apiVersions, final) || slices.Contains(s.cfg.APIVersions, asked) {
		return nil
	}
	return badParameter("The specified version (%s) is not recognized. Consider using the latest supported version (%s).",
		asked, apiVersions[len(apiVersions)-1])
}

// apiVersions are those that SDKs and the az command are known to send, oldest first.
var apiVersions = []string{"2015-06-01", "2016-10-01", "7.0", "7.1", "7.2", "7.3", "7.4", "7.5", "7.6",
	"2025-06-01", "2025-07-01", "2026-04-01"}

func write(w http.ResponseWriter, status int, body any) {
	if body == nil {
		w.Header().Del("Content-Type")
		w.WriteHeader(status)
		return
	}
	w.WriteHeader(status)
	encoder := json.NewEncoder(w)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(body) // the client may have gone; nobody is left to tell
}
