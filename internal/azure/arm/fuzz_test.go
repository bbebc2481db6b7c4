package arm_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"strongroom/internal/azure/anyanswer"
	"strongroom/internal/azure/arm"
	"strongroom/internal/clock"
	"strongroom/internal/secret"
)

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
		ways := &anyanswer.Server{Status: status, Body: body, Header: http.Header{
			"Azure-Asyncoperation": {next}, "Location": {next}, "Retry-After": {wait}, "Etag": {wait}, "X-Ms-Request-Id": {wait},
		}}
		if status >= 400 {
			ways.Body = strings.Replace(body, "'", bearer, 1)
		}
		c := arm.New(arm.Config{HTTP: ways.Client(), Endpoint: "https://management.test", Clock: clock.NewFake(),
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
		for _, host := range ways.Asked {
			if !strings.EqualFold(strings.TrimSuffix(host, ":443"), "https://management.test") {
				t.Fatalf("%s was asked", host)
			}
		}
	})
}

func sane(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		anyanswer.Refused(t, err, bearer, 16<<10)
	}
}
