package issuer

import (
	"encoding/json"
	"net/http"
	"strings"
)

const (
	discoveryPath = "/.well-known/openid-configuration"
	keysPath      = "/openid/v1/jwks"
)

type document struct {
	Issuer        string   `json:"issuer"`
	KeysURI       string   `json:"jwks_uri"`
	ResponseTypes []string `json:"response_types_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	Algorithms    []string `json:"id_token_signing_alg_values_supported"`
}

func (i *Issuer) document() document {
	return document{
		Issuer:        i.url,
		KeysURI:       strings.TrimRight(i.url, "/") + keysPath,
		ResponseTypes: []string{"id_token"},
		SubjectTypes:  []string{"public"},
		Algorithms:    []string{"RS256"},
	}
}

func (i *Issuer) serveKeys(w http.ResponseWriter) {
	set, err := i.Keys()
	if err != nil {
		http.Error(w, "no key", http.StatusInternalServerError)
		return
	}
	writeJSON(w, "application/jwk-set+json", set)
}

func writeJSON(w http.ResponseWriter, contentType string, body any) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Cache-Control", "public, max-age=3600")
	_ = json.NewEncoder(w).Encode(body) // a client that went away needs no answer
}
