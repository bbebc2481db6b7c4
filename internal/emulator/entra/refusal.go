package entra

import (
	"fmt"
	"strconv"
)

// refusal is an error answer of Entra's: an AADSTS code and the sentence for it.
type refusal struct {
	code    int
	message string
	name    string // the OAuth error, where it is not the code's usual one
}

// refuse fills the code's sentence with args.
func refuse(code int, args ...any) *refusal {
	return &refusal{code: code, message: fmt.Sprintf(rowOf(code).text, args...)}
}

// errorBody is the answer as sent; clients depend on every field's name.
type errorBody struct {
	Error         string `json:"error"`
	Description   string `json:"error_description"`
	Codes         []int  `json:"error_codes"`
	Timestamp     string `json:"timestamp"`
	TraceID       string `json:"trace_id"`
	CorrelationID string `json:"correlation_id"`
	URI           string `json:"error_uri,omitempty"`
	Suberror      string `json:"suberror,omitempty"`
	Claims        string `json:"claims,omitempty"`
}

func (c *call) refuse(r *refusal) {
	row := rowOf(r.code)
	stamp := c.now.Format("2006-01-02 15:04:05Z")
	body := errorBody{
		Error: row.name,
		Description: fmt.Sprintf("AADSTS%d: %s\r\nTrace ID: %s\r\nCorrelation ID: %s\r\nTimestamp: %s",
			r.code, r.message, c.trace, c.correlationID, stamp),
		Codes: []int{r.code}, Timestamp: stamp, TraceID: c.trace, CorrelationID: c.correlationID,
	}
	if r.name != "" {
		body.Error = r.name
	}
	if row.page {
		body.URI = "https://login.microsoftonline.com/error?code=" + strconv.Itoa(r.code)
	}
	if r.code == codeBlocked {
		body.Suberror = "message_only"
		body.Claims = fmt.Sprintf(`{"access_token":{"capolids":{"essential":true,"values":["%s"]}}}`, deriveGUID("policy"))
	}
	c.answer(row.status, body)
}

// fail is for what only a defect of ours can bring about.
func (c *call) fail() { c.refuse(refuse(codeTransient)) }
