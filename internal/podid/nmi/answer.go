package nmi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

// document is a token as the metadata service of old spells it: every value a string, and no number ever empty, because
// clients read them as numbers.
type document struct {
	AccessToken  string `json:"access_token"`
	RefreshToken string `json:"refresh_token"`
	ExpiresIn    string `json:"expires_in"`
	ExpiresOn    string `json:"expires_on"`
	NotBefore    string `json:"not_before"`
	Resource     string `json:"resource"`
	TokenType    string `json:"token_type"`
}

// hosted is the host endpoint's answer.
type hosted struct {
	Token    document `json:"token"`
	ClientID string   `json:"clientid"`
}

// issued is what one identity gives for one resource: a token of its tenant, and one of each auxiliary tenant.
type issued struct {
	tokens   []bearer
	clientID string
}

func (i issued) documents(resource string, now time.Time) []document {
	list := make([]document, len(i.tokens))
	for n, t := range i.tokens {
		list[n] = t.document(resource, now)
	}
	return list
}

// document spells a token for an answer given now.
func (b bearer) document(resource string, now time.Time) document {
	begins := b.NotBefore
	if begins.IsZero() {
		begins = b.asked
	}
	return document{
		AccessToken: string(b.Value.Reveal()),
		ExpiresIn:   strconv.Itoa(max(0, int(b.ExpiresOn.Sub(now).Seconds()))),
		ExpiresOn:   strconv.FormatInt(b.ExpiresOn.Unix(), 10),
		NotBefore:   strconv.FormatInt(begins.Unix(), 10),
		Resource:    resource,
		TokenType:   "Bearer",
	}
}

// writeJSON answers 200 with a body of known length.
func writeJSON(w http.ResponseWriter, body any) error {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		return err
	}
	text := bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	_, _ = w.Write(text) // the client has gone: nobody is left to be told
	return nil
}
