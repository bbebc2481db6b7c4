package keyvault

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// Challenge is what a WWW-Authenticate header of the Bearer scheme says. It serves to explain and is never followed: a
// vault cannot tell where a token is asked for. The texts are the server's and not clean.
type Challenge struct {
	Authority   string // the token authority with the tenant's path, e.g. https://login.windows.net/<tenant>
	Tenant      string // first segment of the authority's path; empty when it has none
	Resource    string // the audience the vault expects
	Error       string // e.g. insufficient_claims
	Description string
	Claims      string // decoded JSON object of a claims challenge; empty when there is none that can be read
}

// challengeOf reads the first Bearer challenge of an answer; the zero Challenge when there is none.
func challengeOf(h http.Header) Challenge {
	for _, value := range h.Values("Www-Authenticate") {
		if c, ok := ParseChallenge(value); ok {
			return c
		}
	}
	return Challenge{}
}

// ParseChallenge reads a header's value. ok says whether it holds a Bearer challenge; of malformed parameters as much is
// kept as can be read. Parameters may be parted by commas, spaces or both, as Azure's services do.
func ParseChallenge(header string) (c Challenge, ok bool) {
	p := parameters(header)
	if p == nil {
		return Challenge{}, false
	}
	c = Challenge{
		Authority:   first(p["authorization"], p["authorization_uri"]),
		Resource:    first(p["resource"], strings.TrimSuffix(p["scope"], "/.default")),
		Error:       p["error"],
		Description: p["error_description"],
		Claims:      decodeClaims(p["claims"]),
	}
	if u, err := url.Parse(c.Authority); err == nil {
		c.Tenant, _, _ = strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	}
	return c, true
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// decodeClaims takes base64 in either alphabet, padded or not, of a JSON object; anything else is no claims.
func decodeClaims(text string) string {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	raw, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		return ""
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(raw, &object) != nil || len(object) == 0 {
		return ""
	}
	return string(raw)
}

// parameters are those of the first Bearer challenge in the header, names in lower case, the first of equals winning;
// nil when there is no such challenge.
func parameters(header string) map[string]string {
	var found map[string]string
	s := scanner{text: header}
	for s.skip(" \t,"); !s.done(); s.skip(" \t,") {
		word := s.until(" \t,=\"")
		switch {
		case s.accept('='):
			value := s.value()
			name := strings.ToLower(word)
			if _, have := found[name]; found != nil && !have {
				found[name] = value
			}
		case word == "":
			s.pos++ // a stray quote
		case found != nil:
			return found // the next challenge begins
		case strings.EqualFold(word, "Bearer"):
			found = map[string]string{}
		}
	}
	return found
}

type scanner struct {
	text string
	pos  int
}

func (s *scanner) done() bool { return s.pos >= len(s.text) }

func (s *scanner) skip(set string) {
	for !s.done() && strings.IndexByte(set, s.text[s.pos]) >= 0 {
		s.pos++
	}
}

func (s *scanner) until(set string) string {
	start := s.pos
	for !s.done() && strings.IndexByte(set, s.text[s.pos]) < 0 {
		s.pos++
	}
	return s.text[start:s.pos]
}

func (s *scanner) accept(b byte) bool {
	if s.done() || s.text[s.pos] != b {
		return false
	}
	s.pos++
	return true
}

// value is a quoted string, with backslash escapes and perhaps without its end, or a bare word.
func (s *scanner) value() string {
	if !s.accept('"') {
		return s.until(" \t,")
	}
	var b strings.Builder
	for !s.done() && s.text[s.pos] != '"' {
		if s.text[s.pos] == '\\' && s.pos+1 < len(s.text) {
			s.pos++
		}
		b.WriteByte(s.text[s.pos])
		s.pos++
	}
	s.accept('"')
	return b.String()
}
