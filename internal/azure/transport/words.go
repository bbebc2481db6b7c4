package transport

import (
	"bytes"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"strongroom/internal/form"
	"strongroom/internal/secret"
)

const (
	// longestLine bounds what of a server's message is repeated.
	longestLine = 400
	// longestRead bounds what of it is looked at: finding tokens in a whole answer, made for it, would take half a minute.
	longestRead = 5 * longestLine
	// longestWait bounds a Retry-After that is believed; a longer one is cut to it.
	longestWait = 24 * time.Hour
)

// tokenLike finds what could be a credential: anything that starts like a JWT, and any run of base64 too long for a
// name or an id.
var tokenLike = form.New(`eyJ[A-Za-z0-9_=+-]{8,}(\.[A-Za-z0-9_=+-]*)*|[A-Za-z0-9_=+.%-]{120,}`)

// Line makes a server's words fit for an error: the first line alone, printable, of bounded length, and without any of
// the hidden values or anything that looks like a token, should the server have sent back what it was given.
func Line(text string, hidden ...secret.Value) string {
	for _, h := range hidden {
		text = hide(text, h)
	}
	text = strings.TrimSpace(text)
	if end := strings.IndexAny(text, "\r\n"); end >= 0 {
		text = text[:end]
	}
	if len(text) > longestRead {
		text = strings.TrimRightFunc(text[:longestRead], isTokens) // half a token no longer looks like one
	}
	text = tokenLike.ReplaceAllString(text, "[redacted]")
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(text), " ")
	if len(text) > longestLine {
		text = strings.ToValidUTF8(text[:longestLine], "") + "..."
	}
	return text
}

// isTokens is true for what may stand in a credential.
func isTokens(r rune) bool { return r > ' ' && r <= '~' }

// hide replaces a value as it is and as it stands in a form.
func hide(text string, v secret.Value) string {
	raw := bytes.TrimSpace(v.Reveal())
	if len(raw) == 0 {
		return text
	}
	text = strings.ReplaceAll(text, string(raw), "[redacted]")
	return strings.ReplaceAll(text, url.QueryEscape(string(raw)), "[redacted]")
}

// ID cuts a server's id or code to what such a thing may look like; anything else becomes empty, and so does one that
// holds a hidden value. It keeps free text out of the fields of an error that are meant for machines.
func ID(s string, hidden ...secret.Value) string {
	if len(s) == 0 || len(s) > 64 || strings.HasPrefix(s, "eyJ") {
		return ""
	}
	for _, h := range hidden {
		if hide(s, h) != s {
			return ""
		}
	}
	for _, r := range s {
		if !(r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z' || strings.ContainsRune("-_.:", r)) {
			return ""
		}
	}
	return s
}

// RetryAfter is how long an answer asks to wait: in milliseconds (the headers retry-after-ms and x-ms-retry-after-ms),
// in seconds or until a date. 0 when it does not say or the time has passed.
func RetryAfter(h http.Header, now time.Time) time.Duration {
	for _, name := range []string{"Retry-After-Ms", "X-Ms-Retry-After-Ms"} {
		if wait := span(h.Get(name), time.Millisecond); wait > 0 {
			return wait
		}
	}
	value := h.Get("Retry-After")
	if wait := span(value, time.Second); wait > 0 {
		return wait
	}
	if date, err := http.ParseTime(value); err == nil {
		return min(max(date.Sub(now), 0), longestWait)
	}
	return 0
}

// span reads a positive number of units; 0 for anything else.
func span(value string, unit time.Duration) time.Duration {
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err != nil || n <= 0 {
		return 0
	}
	if n > int64(longestWait/unit) {
		return longestWait
	}
	return time.Duration(n) * unit
}

// Agent is the user agent of requests to Azure: "strongroom/<version>", and behind it the words by which an operator looks
// for a cluster's requests in Azure's logs. Both may be empty.
func Agent(version, words string) string {
	agent := "strongroom"
	if version != "" {
		agent += "/" + version
	}
	if words = Line(words); words != "" {
		agent += " " + words
	}
	return agent
}
