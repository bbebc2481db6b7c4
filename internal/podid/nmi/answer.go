package nmi

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// issued is what one identity gives for one resource: a token of its tenant, and one of each auxiliary tenant.
type issued struct {
	tokens   []bearer
	clientID string
}

// answers are the buffers that bodies are made in: a token is two kilobytes, and some pods ask for one with every call.
var answers = sync.Pool{New: func() any { return new([]byte) }}

// mostKept is how long a buffer may be that is kept for the next answer.
const mostKept = 16 << 10

// writeTokens answers with the tokens as the metadata service of old spells them: one as an object, several as a list.
func (i issued) writeTokens(w http.ResponseWriter, resource string, now time.Time) {
	writeJSON(w, func(b []byte) []byte {
		if len(i.tokens) == 1 {
			return i.tokens[0].appendTo(b, resource, now)
		}
		b = append(b, '[')
		for n, t := range i.tokens {
			if n > 0 {
				b = append(b, ',')
			}
			b = t.appendTo(b, resource, now)
		}
		return append(b, ']')
	})
}

// writeHosted is the host endpoint's answer.
func (i issued) writeHosted(w http.ResponseWriter, resource string, now time.Time) {
	writeJSON(w, func(b []byte) []byte {
		b = i.tokens[0].appendTo(append(b, `{"token":`...), resource, now)
		b = appendString(append(b, `,"clientid":`...), []byte(i.clientID))
		return append(b, '}')
	})
}

// appendTo spells a token for an answer given now: every value a string, and no number ever empty, because clients read
// them as numbers.
func (b *bearer) appendTo(to []byte, resource string, now time.Time) []byte {
	begins := b.NotBefore
	if begins.IsZero() {
		begins = b.asked
	}
	to = appendString(append(to, `{"access_token":`...), b.Value.Reveal())
	to = strconv.AppendInt(append(to, `,"refresh_token":"","expires_in":"`...), max(0, int64(b.ExpiresOn.Sub(now).Seconds())), 10)
	to = strconv.AppendInt(append(to, `","expires_on":"`...), b.ExpiresOn.Unix(), 10)
	to = strconv.AppendInt(append(to, `","not_before":"`...), begins.Unix(), 10)
	to = appendString(append(to, `","resource":`...), []byte(resource))
	return append(to, `,"token_type":"Bearer"}`...)
}

// appendString spells a JSON string. What tokens and resources are made of needs no escapes.
func appendString(to, text []byte) []byte {
	for _, c := range text {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendEscaped(to, text)
		}
	}
	return append(append(append(to, '"'), text...), '"')
}

func appendEscaped(to, text []byte) []byte {
	b := bytes.NewBuffer(to)
	encoder := json.NewEncoder(b)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(string(text)) // a string can always be encoded, and a buffer always be written to
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}

// isJSON is shared by all answers: nobody changes a header's values in place.
var isJSON = []string{"application/json"}

// writeJSON answers 200 with a body of known length.
func writeJSON(w http.ResponseWriter, spell func([]byte) []byte) {
	buffer := answers.Get().(*[]byte)
	body := spell((*buffer)[:0])
	header := w.Header()
	header["Content-Type"] = isJSON
	header["Content-Length"] = []string{strconv.Itoa(len(body))}
	_, _ = w.Write(body) // the client has gone: nobody is left to be told
	clear(body)          // what is kept for the next answer holds no token
	if cap(body) <= mostKept {
		*buffer = body[:0]
		answers.Put(buffer)
	}
}
