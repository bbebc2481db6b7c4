package arm_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"strongroom/internal/azure/arm"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// said answers every request alike, and notes whom they go to.
type said struct {
	status int
	header http.Header
	body   string
	asked  []string
}

func (s *said) RoundTrip(r *http.Request) (*http.Response, error) {
	s.asked = append(s.asked, r.URL.Scheme+"://"+r.URL.Host)
	return &http.Response{StatusCode: s.status, Header: s.header, Body: io.NopCloser(strings.NewReader(s.body)), ContentLength: int64(len(s.body)), Request: r}, nil
}

// Whatever the resource manager answers, its token goes to no other host, an update's address is its own, and an error is
// one line without the token.
//
//fuzz:share 5
func FuzzAnswers(f *testing.F) {
	f.Add(200, `{"identity":{"type":"UserAssigned","userAssignedIdentities":{"`+identities+`web":null}},"properties":{"provisioningState":"Succeeded"}}`, "", "")
	f.Add(202, "", "https://management.test/operations/1", "5")
	f.Add(202, "", "https://management.test@elsewhere.example/1", "")
	f.Add(202, "", "//elsewhere.example/1", "")
	f.Add(201, `{"status":"Failed","error":{"code":"FailedIdentityOperation","message":"'`+identities+`web'"}}`, "https://MANAGEMENT.test:443/x", "x")
	f.Add(400, `{"error":{"code":"Conflict","message":"a\r\nb","details":[{"code":"LinkedInvalidPropertyId","message":"`+identities+`x"}]}}`, "", "")
	f.Add(308, "", "https://elsewhere.example/", "")
	f.Fuzz(func(t *testing.T, status int, body, next, wait string) {
		if status < 200 || status > 999 {
			return
		}
		ways := &said{status, http.Header{"Azure-Asyncoperation": {next}, "Location": {next}, "Retry-After": {wait}, "Etag": {wait}, "X-Ms-Request-Id": {wait}}, body, nil}
		if status >= 400 {
			ways.body = strings.Replace(body, "'", bearer, 1)
		}
		via := &http.Client{Transport: ways, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		c := arm.New(arm.Config{HTTP: via, Endpoint: "https://management.test", Clock: clock.NewFake(),
			Token: func(context.Context) (secret.Value, error) { return secret.NewValue([]byte(bearer)), nil }})
		ctx := context.Background()
		held, err := c.Identities(ctx, vm)
		sane(t, err)
		op, err := c.Update(ctx, vm, held, arm.Change{Add: []string{identities + "fuzz"}, Remove: []string{identities + "web"}})
		sane(t, err)
		for _, from := range []arm.Operation{op, {URL: next}} {
			_, err = c.Poll(ctx, from)
			sane(t, err)
		}
		for _, host := range ways.asked {
			if !strings.EqualFold(strings.TrimSuffix(host, ":443"), "https://management.test") {
				t.Fatalf("%s was asked", host)
			}
		}
	})
}

func sane(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	text := fault.Explain(err)
	if strings.Contains(text, bearer[:30]) || strings.ContainsAny(text, "\r\n") || len(text) > 16<<10 || fault.KindOf(err) == fault.Internal {
		t.Fatalf("%v %q", fault.KindOf(err), text)
	}
	if w := fault.RetryAfterOf(err); w < 0 || w > 24*time.Hour {
		t.Fatalf("a wait of %v", w)
	}
}
