package arm_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"strongroom/internal/azure/arm"
	"strongroom/internal/fault"
)

func TestWhereAnUpdateIsAskedAbout(t *testing.T) {
	t.Parallel()
	const machine = nodes + "/providers/Microsoft.Compute/virtualMachineScaleSets/pool?api-version=2019-12-01"
	for name, test := range map[string]struct {
		status  int
		body    string
		headers []string
		url     string // empty: over at once
		wait    time.Duration
	}{
		"the status before the location":     {200, `{}`, []string{"Location: {home}/l", "Azure-AsyncOperation: {home}/s?t=1", "Retry-After: 7"}, "/s?t=1", 7 * time.Second},
		"the location alone":                 {202, "", []string{"Location: {home}/l"}, "/l", 0},
		"created":                            {201, `{}`, []string{"Azure-AsyncOperation: {home}/s", "Retry-After-Ms: 250"}, "/s", 250 * time.Millisecond},
		"over at once":                       {200, `{"properties":{"provisioningState":"Succeeded"}}`, nil, "", 0},
		"no address and it goes on":          {200, `{"properties":{"provisioningState":"Updating"}}`, []string{"Retry-After: 3"}, machine, 3 * time.Second},
		"no address and no word":             {200, `{}`, nil, machine, 0},
		"accepted without an address at all": {202, `{"properties":{"provisioningState":"Succeeded"}}`, nil, machine, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, says(test.status, test.body, test.headers...))
			op, err := s.client(t).Update(t.Context(), pool, on(""), arm.Change{Add: ids("a")})
			want := arm.Operation{Done: true}
			if test.url != "" {
				want = arm.Operation{URL: s.URL + test.url, RetryAfter: test.wait}
			}
			if err != nil || op != want {
				t.Errorf("got %+v, %v; want %+v", op, err, want)
			}
		})
	}
}

func TestNoTokenFollowsAnAddressOfSomebodyElse(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"https://elsewhere.example/s", "http://{host}/s", "https://user:pw@{host}/s", "//{host}/s", "/s", "s", "https:opaque", "https://{host}.evil.example/", "https://{host}0/s"} {
		s := serve(t, nil)
		url = strings.ReplaceAll(url, "{host}", strings.TrimPrefix(s.URL, "https://"))
		s.answer = says(200, `{}`, "Azure-AsyncOperation: "+url)
		c := s.client(t)
		if op, err := c.Update(t.Context(), pool, on(""), arm.Change{Add: ids("a")}); fault.KindOf(err) != fault.Unavailable || op != (arm.Operation{}) {
			t.Errorf("%s: %+v, %v", url, op, err)
		}
		op := arm.Operation{URL: url}
		if after, err := c.Poll(t.Context(), op); fault.KindOf(err) != fault.Unavailable || after != op || s.requests() != 1 {
			t.Errorf("%s: %+v, %v", url, after, err)
		}
	}
}

func TestHowAnOperationGoes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		done   bool
	}{
		"status, running":          {200, `{"status":"InProgress"}`, false},
		"status, running and 202":  {202, `{"status":"Running"}`, false},
		"status, over":             {200, `{"status":"Succeeded","properties":{"output":{}}}`, true},
		"status, over and 202":     {202, `{"status":"succeeded"}`, true},
		"location, running":        {202, ``, false},
		"location, over":           {200, `{"properties":{"provisioningState":"Succeeded"}}`, true},
		"location, over, no body":  {204, ``, true},
		"location, over, no state": {200, `{"id":"x"}`, true},
		"machine, running":         {200, `{"properties":{"provisioningState":"Updating"}}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, says(test.status, test.body, "Retry-After: 5"))
			op, err := s.client(t).Poll(t.Context(), arm.Operation{URL: s.URL + "/op?x=1"})
			if err != nil || op.Done != test.done || op.URL != s.URL+"/op?x=1" || !test.done && op.RetryAfter != 5*time.Second {
				t.Errorf("%+v, %v", op, err)
			}
			if r := s.only(t); r.Method != "GET" || r.RequestURI != "/op?x=1" || r.Header.Get("Authorization") == "" {
				t.Errorf("%s %s", r.Method, r.RequestURI)
			}
		})
	}
}

func TestWhatIsDoneIsNotAskedAbout(t *testing.T) {
	t.Parallel()
	s := serve(t, says(500, ""))
	if op, err := s.client(t).Poll(t.Context(), arm.Operation{Done: true}); err != nil || !op.Done || s.requests() != 0 {
		t.Errorf("%+v, %v", op, err)
	}
}

func TestAFailedOperationIsARefusal(t *testing.T) {
	t.Parallel()
	failed := func(code, message string) string {
		return `{"status":"Failed",` + strings.TrimPrefix(errorBody(code, message), "{")
	}
	lost := "Identity operation for resource 'x' failed: the identities '" + identities + "a," + identities + "b' could not be found."
	for name, test := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
		says   string
		bad    int
	}{
		"identities deleted":              {200, failed("FailedIdentityOperation", lost), fault.Invalid, "could not be found", 2},
		"identities deleted, by location": {409, errorBody("FailedIdentityOperation", lost), fault.Invalid, "could not be found", 2},
		"may not assign":                  {200, failed("LinkedAuthorizationFailed", "may not assign on the linked scope(s) '"+identities+"a'"), fault.Denied, "may not assign", 1},
		"overtaken":                       {200, failed("OperationPreempted", "a newer one"), fault.Busy, "a newer one", 0},
		"conflict by location":            {409, errorBody("Conflict", "another"), fault.Busy, "another", 0},
		"something in Azure":              {200, failed("InternalExecutionError", "sorry"), fault.Unavailable, "sorry", 0},
		"no reason":                       {200, `{"status":"Failed"}`, fault.Unavailable, "ended as failed", 0},
		"an empty reason":                 {200, `{"status":"Canceled","error":{}}`, fault.Unavailable, "ended as canceled", 0},
		"a machine that failed":           {200, `{"properties":{"provisioningState":"Failed"}}`, fault.Unavailable, "ended as failed", 0},
		"the reason in the details":       {200, `{"status":"Failed","error":{"code":"Wrapped","details":[{"code":"FailedIdentityOperation","message":"'` + identities + `a'"}]}}`, fault.Invalid, identities + "a", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, says(test.status, test.body))
			op, err := s.client(t).Poll(t.Context(), arm.Operation{URL: s.URL + "/op"})
			if fault.KindOf(err) != test.kind || !op.Done || !strings.Contains(fmt.Sprint(err), test.says) {
				t.Errorf("%+v, %v: %v", op, fault.KindOf(err), err)
			}
			var bad *arm.BadIdentities
			if errors.As(err, &bad) != (test.bad > 0) || bad != nil && len(bad.IDs) != test.bad {
				t.Errorf("blames %+v", bad)
			}
		})
	}
}

// An update must not be taken for failed because one look at it failed.
func TestAPollThatFailsLeavesTheOperation(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
		wait   time.Duration
	}{
		"throttled":    {429, errorBody("TooManyRequests", "slower"), fault.Throttled, 9 * time.Second},
		"down":         {503, "", fault.Unavailable, 9 * time.Second},
		"a portal":     {200, "<html>", fault.Unavailable, 9 * time.Second},
		"token":        {401, errorBody("InvalidAuthenticationToken", "no"), fault.Denied, 9 * time.Second},
		"token's time": {401, errorBody("ExpiredAuthenticationToken", "no"), fault.Expired, 9 * time.Second},
		"role":         {403, errorBody("AuthorizationFailed", "no"), fault.Denied, 9 * time.Second},
		"forgotten":    {404, errorBody("NotFound", "no"), fault.NotFound, 9 * time.Second},
	} {
		s := serve(t, says(test.status, test.body, "Retry-After: 9"))
		op, err := s.client(t).Poll(t.Context(), arm.Operation{URL: s.URL + "/op"})
		if fault.KindOf(err) != test.kind || op.Done || op.URL == "" || op.RetryAfter != test.wait {
			t.Errorf("%s: %+v, %v: %v", name, op, fault.KindOf(err), err)
		}
	}
}

func TestAnOperationSurvivesARestart(t *testing.T) {
	t.Parallel()
	op := arm.Operation{URL: "https://management.azure.com/x", RetryAfter: 1500 * time.Millisecond}
	text, err := json.Marshal(op)
	if err != nil {
		t.Fatal(err)
	}
	var back arm.Operation
	if err := json.Unmarshal(text, &back); err != nil || back != op {
		t.Errorf("%s became %+v, %v", text, back, err)
	}
}
