package arm

import (
	"encoding/json"
	"net/http"
	"strings"

	"strongroom/internal/azure/transport"
	"strongroom/internal/fault"
)

// problem is Azure's error. The one that tells most may be among the details.
type problem struct {
	Code    string    `json:"code"`
	Message string    `json:"message"`
	Details []problem `json:"details"`
}

// readProblem reads an error's body; compute's throttling puts it at the top, everybody else beneath "error".
func readProblem(body []byte) problem {
	var b struct {
		problem
		Error *problem `json:"error"`
	}
	if json.Unmarshal(body, &b) != nil {
		return problem{} // a proxy's page, or half a body: only the status is known
	}
	if b.Error != nil {
		return *b.Error
	}
	return b.problem
}

// telling is the first problem whose code is one that decides something, from the outside in; else the outermost.
func (p problem) telling() problem {
	if known, ok := p.find(5); ok {
		return known
	}
	return p
}

func (p problem) find(depth int) (problem, bool) {
	if _, ok := kinds[strings.ToLower(p.Code)]; ok {
		return p, true
	}
	for _, inner := range p.Details {
		if depth == 0 {
			break
		}
		if known, ok := inner.find(depth - 1); ok {
			return known, true
		}
	}
	return problem{}, false
}

// kinds is what a code means when that is not what its status says, and for failed operations, which have no status.
var kinds = map[string]fault.Kind{
	"linkedauthorizationfailed":     fault.Denied,
	"authorizationfailed":           fault.Denied,
	"requestdisallowedbypolicy":     fault.Denied,
	"scopelocked":                   fault.Denied,
	"readonlydisabledsubscription":  fault.Denied,
	"failedidentityoperation":       fault.Invalid,
	"linkedinvalidpropertyid":       fault.Invalid,
	"subscriptionnotfound":          fault.Invalid, // of another tenant or cloud, most often: the machines are not gone
	"invalidsubscriptionid":         fault.Invalid,
	"resourcenotfound":              fault.NotFound,
	"resourcegroupnotfound":         fault.NotFound,
	"toomanyrequests":               fault.Throttled,
	"subscriptionrequeststhrottled": fault.Throttled,
	"conflict":                      fault.Busy,
	"anotheroperationinprogress":    fault.Busy,
	"operationnotallowed":           fault.Busy,
	"operationpreempted":            fault.Busy,
	"conditionnotmet":               fault.Busy,
	"expiredauthenticationtoken":    fault.Expired,
}

// statusKind is what a status says by itself.
func statusKind(status int) fault.Kind {
	switch {
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return fault.Denied
	case status == http.StatusConflict, status == http.StatusPreconditionFailed:
		return fault.Busy
	case status == http.StatusTooManyRequests:
		return fault.Throttled
	case status == http.StatusNotFound:
		return fault.NotFound
	case status == http.StatusRequestTimeout, status < 400, status >= 500:
		return fault.Unavailable
	}
	return fault.Invalid
}

// kindOf decides by status where it is beyond doubt, then by code. A 404 without a code is not Azure's: a proxy must not
// make a machine look gone.
func kindOf(status int, p problem) fault.Kind {
	byStatus := statusKind(status)
	if byStatus == fault.Throttled || byStatus == fault.Unavailable && status != 0 {
		return byStatus
	}
	if namesIdentity(p) {
		return fault.Invalid
	}
	if kind, ok := kinds[strings.ToLower(p.Code)]; ok {
		return kind
	}
	if byStatus == fault.NotFound && p.Code == "" {
		return fault.Unavailable
	}
	return byStatus
}

// refusal is the fault of an answer other than success.
func (c *Client) refusal(got reply, subject string, r Resource) error {
	return c.classified(readProblem(got.body), got.status, got, subject, r)
}

// failure is the fault of an operation that ended badly: the same as if its request had been refused.
func (c *Client) failure(word string, raw json.RawMessage, got reply) error {
	var p problem
	if json.Unmarshal(raw, &p) != nil || p.Code == "" && p.Message == "" {
		p.Message = "the update ended as " + strings.ToLower(word) + ", with no reason given"
	}
	return c.classified(p, 0, got, "update of a machine's identities", Resource{})
}

func (c *Client) classified(p problem, status int, got reply, subject string, r Resource) error {
	p = p.telling()
	f := fault.New(kindOf(status, p), subject, "%s", said(p, status, got))
	f.Remote = fault.Remote{Status: status, Code: transport.ID(p.Code, got.hidden), RequestID: requestID(got)}
	f.RetryAfter = transport.RetryAfter(got.header, got.now)
	ids := blamed(p)
	f.Remedy = remedy(p, status, ids, r)
	if len(ids) > 0 {
		return &BadIdentities{IDs: ids, Cause: f}
	}
	return f
}

// blamed lists the identities that an error names as its cause.
func blamed(p problem) []string {
	switch strings.ToLower(p.Code) {
	case "linkedauthorizationfailed", "failedidentityoperation", "linkedinvalidpropertyid":
		return identitiesIn(p.Message)
	}
	if namesIdentity(p) {
		return identitiesIn(p.Message)
	}
	return nil
}

// namesIdentity is true when what was not found is an identity and not the machine.
func namesIdentity(p problem) bool {
	return kinds[strings.ToLower(p.Code)] == fault.NotFound && strings.Contains(strings.ToLower(p.Message), "microsoft.managedidentity/")
}

func said(p problem, status int, got reply) string {
	if text := transport.Line(p.Message, got.hidden); text != "" {
		return text
	}
	if status == 0 {
		return "the update failed with no reason given"
	}
	return "refused with " + http.StatusText(status) + " and no reason"
}

func requestID(got reply) string {
	for _, name := range []string{"X-Ms-Correlation-Request-Id", "X-Ms-Request-Id"} {
		if id := transport.ID(got.header.Get(name), got.hidden); id != "" {
			return id
		}
	}
	return ""
}
