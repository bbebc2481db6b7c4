package faults

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The texts of a throttled or broken service, as the service itself would word them.
const (
	vaultThrottled = "Request was not processed because too many requests were received. Reason: VaultRequestTypeLimitReached"
	vaultAway      = "The service is temporarily unavailable. Please retry the request."
	vaultBroken    = "An unexpected error occurred. Please retry the request."
	entraTransient = "AADSTS90033: A transient error has occurred. Please try again."
	entraThrottled = "AADSTS90055: The tenant is being throttled. Please try again later."
	armBroken      = "The request could not be processed. Please retry the request."
	armThrottled   = "The server rejected the request because too many requests have been received for this subscription."
	graphBroken    = "The request could not be processed at this time. Please retry later."
	imdsBroken     = "Failed to retrieve token from the Active directory. For details see logs in the metadata service"
)

// refusal is the error body of a service for a status that a fault asks for, with its content type.
func refusal(service Service, status int, now time.Time) (contentType, body string) {
	const asJSON = "application/json; charset=utf-8"
	switch service {
	case KeyVault:
		code, message := vaultRefusal(status)
		return asJSON, fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, code, message)
	case ARM:
		return asJSON, armRefusal(status, now)
	case IMDS:
		code, message := imdsRefusal(status)
		return asJSON, fmt.Sprintf(`{"error":%q,"error_description":%q}`, code, message)
	case Graph:
		return asJSON, fmt.Sprintf(`{"error":{"code":%q,"message":%q,"innerError":{"date":%q}}}`,
			graphCode(status), graphBroken, now.UTC().Format("2006-01-02T15:04:05"))
	case NMI:
		return "text/plain; charset=utf-8", http.StatusText(status) + "\n"
	}
	text, number := entraTransient, 90033
	if status == http.StatusTooManyRequests {
		text, number = entraThrottled, 90055
	}
	return asJSON, fmt.Sprintf(`{"error":"temporarily_unavailable","error_description":%q,"error_codes":[%d]}`, text, number)
}

func vaultRefusal(status int) (code, message string) {
	switch status {
	case http.StatusTooManyRequests:
		return "Throttled", vaultThrottled
	case http.StatusServiceUnavailable:
		return "ServiceUnavailable", vaultAway
	case http.StatusForbidden:
		return "Forbidden", "Operation is not allowed."
	}
	return "InternalServerError", vaultBroken
}

func graphCode(status int) string {
	switch status {
	case http.StatusTooManyRequests:
		return "TooManyRequests"
	case http.StatusForbidden:
		return "Authorization_RequestDenied"
	case http.StatusServiceUnavailable:
		return "serviceNotAvailable"
	}
	return "InternalServerError"
}

func imdsRefusal(status int) (code, message string) {
	switch status {
	case http.StatusTooManyRequests:
		return "invalid_request", "Too many requests"
	case http.StatusNotFound, http.StatusGone:
		return "not_found", "The identity endpoint is being updated"
	case http.StatusBadRequest:
		return "invalid_request", "Identity not found"
	}
	return "unknown", imdsBroken
}

// strictestPolicy is the budget of Compute that runs out first when many machines are asked about.
const strictestPolicy = "HighCostGet30Min"

// armRefusal is the resource manager's own error form, but for throttling, which Compute answers without the envelope.
func armRefusal(status int, now time.Time) string {
	if status == http.StatusTooManyRequests {
		return computeThrottled(now)
	}
	code := strings.ReplaceAll(http.StatusText(status), " ", "")
	return fmt.Sprintf(`{"error":{"code":%q,"message":%q}}`, code, armBroken)
}

// computeThrottled tells the budget as JSON within JSON, for that is how clients find it.
func computeThrottled(now time.Time) string {
	type detail struct {
		Code    string `json:"code"`
		Target  string `json:"target"`
		Message string `json:"message"`
	}
	budget, err := json.Marshal(map[string]any{
		"operationGroup": strictestPolicy, "allowedRequestCount": 900, "measuredRequestCount": 1238,
		"startTime": now.Add(-10 * time.Minute).UTC(), "endTime": now.Add(20 * time.Minute).UTC(),
	})
	if err != nil { // texts, numbers and times always encode
		panic(err)
	}
	body, err := json.Marshal(map[string]any{
		"code": "OperationNotAllowed", "message": armThrottled,
		"details": []detail{{"TooManyRequests", strictestPolicy, string(budget)}},
	})
	if err != nil {
		panic(err)
	}
	return string(body)
}
