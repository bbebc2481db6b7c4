package token

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"strongroom/internal/azure/transport"
	"strongroom/internal/fault"
	"strongroom/internal/form"
	"strongroom/internal/secret"
)

// flow is the way of proving, as far as errors differ by it.
type flow string

const (
	bySecret      flow = "client secret"
	byCertificate flow = "client certificate"
	byFederation  flow = "workload identity"
	byBinding     flow = "identity binding"
	byNode        flow = "managed identity"
	byPod         flow = "pod identity"
)

// claimant is who asked and with what, for the error that says what did not match.
type claimant struct {
	target    Target
	flow      flow
	assertion Assertion
	pod       secret.Pod
	hidden    secret.Value // the credential: cut out of whatever the server says
}

func (w claimant) subject() string {
	switch {
	case w.flow == byPod:
		return fmt.Sprintf("%s of %s", w.flow, w.pod)
	case w.target.ResourceID != "":
		return fmt.Sprintf("%s %s", w.flow, w.target.ResourceID)
	case w.target.ClientID == "":
		return fmt.Sprintf("%s (system-assigned)", w.flow)
	}
	return fmt.Sprintf("%s %s", w.flow, w.target.ClientID)
}

// refusalBody is what Entra ID and IMDS answer when they refuse.
type refusalBody struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
}

var codeForm = form.New(`AADSTS(\d{4,8})`)

// code is the AADSTS number, 0 when there is none.
func (b refusalBody) code() int {
	if len(b.Codes) > 0 {
		return b.Codes[0]
	}
	if m := codeForm.FindStringSubmatch(b.Description); m != nil {
		n, _ := strconv.Atoi(m[1]) // the form is digits only
		return n
	}
	return 0
}

// refusal is the fault of an answer other than success from Entra ID or IMDS.
func refusal(r reply, who claimant, now time.Time) *fault.Error {
	var b refusalBody
	if json.Unmarshal(r.body, &b) != nil {
		b = refusalBody{} // a proxy's page, or half a body: only the status is known
	}
	f := fault.New(kindOf(r.status, b, who.flow), who.subject(), "%s", said(b, who.hidden))
	f.Remote = fault.Remote{Status: r.status, Code: transport.ID(b.Error, who.hidden), RequestID: requestID(b, r.header, who.hidden)}
	if code := b.code(); code > 0 {
		f.Remote.Code = "AADSTS" + strconv.Itoa(code)
	}
	f.RetryAfter = transport.RetryAfter(r.header, now)
	if remedy := remedyFor(r.status, b, who); remedy != "" {
		f.Remedy = remedy
	}
	return f
}

func requestID(b refusalBody, h http.Header, hidden secret.Value) string {
	for _, id := range []string{b.CorrelationID, b.TraceID, h.Get("X-Ms-Request-Id")} {
		if clean := transport.ID(id, hidden); clean != "" {
			return clean
		}
	}
	return ""
}

// kinds are the refusals that are not plainly Denied.
var kinds = map[int]fault.Kind{
	700024:  fault.Expired,     // assertion outside its valid time
	7000222: fault.Expired,     // client secret expired
	90002:   fault.NotFound,    // no such tenant
	90012:   fault.Unavailable, // timeout inside Entra
	90033:   fault.Unavailable, // transient
	90061:   fault.Unavailable, // Entra could not reach the cluster's issuer
	50196:   fault.Throttled,   // "loop detected": the same request too often
}

// kindOf decides by status first (waiting helps), then by code; every other no of the other side is Denied, so that
// nothing fetched with the same proof outlives it.
func kindOf(status int, b refusalBody, by flow) fault.Kind {
	if by == byNode && (status == http.StatusNotFound || strings.Contains(b.Description, "unreachable")) {
		return fault.Unavailable // the metadata service is being updated, or is not the real one
	}
	if kind := statusKind(status); kind != fault.Denied {
		return kind
	}
	if kind, ok := kinds[b.code()]; ok {
		return kind
	}
	return fault.Denied
}

// statusKind is Denied for a 4xx that is an answer, and what passes by itself for the others.
func statusKind(status int) fault.Kind {
	switch {
	case status == http.StatusTooManyRequests:
		return fault.Throttled
	case status == http.StatusRequestTimeout, status == http.StatusGone, status < 400, status >= 500:
		return fault.Unavailable
	}
	return fault.Denied
}

// said is the first sentence of the description, without the code (it has a field of its own) and the ids that Entra
// appends.
func said(b refusalBody, hidden secret.Value) string {
	text := transport.Line(b.Description, hidden)
	if m := codeForm.FindStringIndex(text); m != nil && m[0] == 0 {
		text = strings.TrimLeft(text[m[1]:], ": ")
	}
	text, _, _ = strings.Cut(text, " Trace ID:")
	text = firstSentence(text)
	if text == "" {
		text = transport.Line(b.Error, hidden)
	}
	if text == "" {
		return "no token, and no reason given"
	}
	return "no token: " + text
}

// firstSentence ends at a full stop before a space that is not inside single quotes: issuers and URLs hold full stops.
func firstSentence(text string) string {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\'' && (quoted || i == 0 || text[i-1] == ' '): // not the one in isn't
			quoted = !quoted
		case text[i] == '.' && !quoted && i+1 < len(text) && text[i+1] == ' ':
			return text[:i]
		}
	}
	return strings.TrimRight(text, ".")
}
