package arm_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/azure/arm"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

const throttling = `{"code":"OperationNotAllowed","message":"The server rejected the request because too many requests have been received for this subscription.",
	"details":[{"code":"TooManyRequests","target":"HighCostGet30Min","message":"{}"}]}`

func TestRefusalsByStatusAndCode(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		kind   fault.Kind
		code   string
	}{
		"throttled by compute":      {429, throttling, fault.Throttled, "OperationNotAllowed"},
		"throttled, no body":        {429, "", fault.Throttled, ""},
		"another operation":         {409, errorBody("OperationNotAllowed", "Another operation"), fault.Busy, "OperationNotAllowed"},
		"conflict without words":    {409, "", fault.Busy, ""},
		"changed meanwhile":         {412, errorBody("PreconditionFailed", "changed"), fault.Busy, "PreconditionFailed"},
		"locked":                    {409, errorBody("ScopeLocked", "locked"), fault.Denied, "ScopeLocked"},
		"machine gone":              {404, errorBody("ResourceNotFound", "The Resource 'Microsoft.Compute/virtualMachines/node-1' was not found"), fault.NotFound, "ResourceNotFound"},
		"group gone":                {404, errorBody("ResourceGroupNotFound", "gone"), fault.NotFound, "ResourceGroupNotFound"},
		"a proxy's 404":             {404, "<html>", fault.Unavailable, ""},
		"subscription of elsewhere": {404, errorBody("SubscriptionNotFound", "no"), fault.Invalid, "SubscriptionNotFound"},
		"an identity not found":     {404, errorBody("ResourceNotFound", "The Resource 'Microsoft.ManagedIdentity/userAssignedIdentities/a' was not found"), fault.Invalid, "ResourceNotFound"},
		"a bad request":             {400, errorBody("InvalidParameter", "no"), fault.Invalid, "InvalidParameter"},
		"a policy":                  {403, errorBody("RequestDisallowedByPolicy", "no"), fault.Denied, "RequestDisallowedByPolicy"},
		"expired token":             {401, errorBody("ExpiredAuthenticationToken", "no"), fault.Expired, "ExpiredAuthenticationToken"},
		"wrong token":               {401, errorBody("InvalidAuthenticationTokenTenant", "no"), fault.Denied, "InvalidAuthenticationTokenTenant"},
		"down":                      {500, errorBody("InternalServerError", "no"), fault.Unavailable, "InternalServerError"},
		"down, says conflict":       {503, errorBody("Conflict", "no"), fault.Unavailable, "Conflict"},
		"gateway":                   {504, "", fault.Unavailable, ""},
		"slow":                      {408, "", fault.Unavailable, ""},
		"never heard of":            {418, "", fault.Invalid, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, says(test.status, test.body, "X-Ms-Correlation-Request-Id: r-1"))
			_, err := s.client(t).Identities(t.Context(), vm)
			var f *fault.Error
			if !errors.As(err, &f) {
				t.Fatal(err)
			}
			want := fault.Remote{Status: test.status, Code: test.code, RequestID: "r-1"}
			if f.Kind != test.kind || f.Remote != want || f.Subject != "virtual machine node-1" {
				t.Errorf("%v %+v: %v", f.Kind, f.Remote, err)
			}
			if told := len(s.refused) == 1 && s.refused[0] == bearer; told != (test.status == 401) {
				t.Errorf("told of refused tokens: %d", len(s.refused))
			}
		})
	}
}

func TestHowLongToWait(t *testing.T) {
	t.Parallel()
	date := clock.NewFake().Now().Add(90 * time.Second).UTC().Format(http.TimeFormat)
	for header, want := range map[string]time.Duration{
		"Retry-After: 1200":        20 * time.Minute,
		"Retry-After-Ms: 1500":     1500 * time.Millisecond,
		"Retry-After: " + date:     90 * time.Second,
		"Retry-After: soon":        0,
		"X-Ms-Ratelimit-Reset: 30": 0,
		"X-Ms-Ratelimit-Remaining-Resource: Microsoft.Compute/HighCostGet3Min;0": 0,
	} {
		s := serve(t, says(429, throttling, header))
		_, err := s.client(t).Update(t.Context(), pool, on(""), arm.Change{Add: ids("a")})
		if got := fault.RetryAfterOf(err); got != want || fault.KindOf(err) != fault.Throttled {
			t.Errorf("%s: %s, %v", header, got, err)
		}
	}
}

func TestRefusalsCarryTheCommandThatMendsThem(t *testing.T) {
	t.Parallel()
	who := "The client '" + client + "' with object id '" + object + "' "
	lacks := who + "does not have authorization to perform action 'Microsoft.Compute/virtualMachineScaleSets/write' over scope '" + nodes +
		"/providers/Microsoft.Compute/virtualMachineScaleSets/pool' or the scope is invalid. If access was recently granted, please refresh your credentials."
	linked := who + "has permission to perform action 'x' on scope 'y'; however, it does not have permission to perform action " +
		"'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action' on the linked scope(s) "
	const byObject = ` --assignee-object-id ` + object + ` --assignee-principal-type ServicePrincipal --scope `
	operator := `az role assignment create --role "Managed Identity Operator"` + byObject + identities
	for name, test := range map[string]struct {
		code, message, remedy string
		bad                   []string
	}{
		"may not write": {"AuthorizationFailed", lacks, `az role assignment create --role "Virtual Machine Contributor"` + byObject + nodes + `; a new one`, nil},
		"may not write, client known only": {"AuthorizationFailed", "The client '" + client + "' does not have authorization.",
			`az role assignment create --role "Virtual Machine Contributor" --assignee ` + client + ` --scope ` + nodes, nil},
		"may not, nobody is told": {"AuthorizationFailed", "no", `--role "Virtual Machine Contributor" --assignee <client id of the cluster's identity> --scope ` + nodes, nil},
		"may not do something else": {"AuthorizationFailed", strings.ReplaceAll(lacks, "Microsoft.Compute/virtualMachineScaleSets/write", "Microsoft.Network/subnets/join/action"),
			"give " + object + " a role with the action Microsoft.Network/subnets/join/action at " + nodes, nil},
		"may not assign one": {"LinkedAuthorizationFailed", linked + "'" + identities + "a' or the linked scope(s) are invalid.", operator + "a; a new one", ids("a")},
		"may not assign two": {"LinkedAuthorizationFailed", linked + "'" + identities + "a," + identities + "b' or the linked scope(s) are invalid.",
			operator + "a && " + operator + "b; a new one", ids("a", "b")},
		"may not assign many": {"LinkedAuthorizationFailed", linked + "'" + strings.Join(ids("a", "b", "c", "d", "e"), "', '") + "'",
			operator + "c, and so for 2 more", ids("a", "b", "c", "d", "e")},
		"may not assign, in double quotes and any case": {"linkedauthorizationfailed", linked + `"` + strings.ToUpper(identities) + `A"`, operator + "a", ids("a")},
		"may not assign, none named":                    {"LinkedAuthorizationFailed", who, `"Managed Identity Operator"` + byObject + "<id of the identity>", nil},
		"identity deleted":                              {"FailedIdentityOperation", `Response: '{"error":{"message":"Resource '` + identities + `a' was not found."}}'`, "az identity show --ids " + identities + "a", ids("a")},
		"no identity's id":                              {"LinkedInvalidPropertyId", "Property id '" + identities + "a/x' at path", "az identity show --ids", ids("a")},
		"locked":                                        {"ScopeLocked", "no", "az lock list --resource-group mc_shop", nil},
		"subscription":                                  {"SubscriptionNotFound", "no", "az account list", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, says(403, errorBody(test.code, test.message)))
			_, err := s.client(t).Update(t.Context(), pool, on(""), arm.Change{Add: ids("a", "b")})
			if !strings.Contains(strings.Join(fault.Remedies(err), "\n"), test.remedy) {
				t.Errorf("mends with %s\nwant %s", fault.Remedies(err), test.remedy)
			}
			var bad *arm.BadIdentities
			if errors.As(err, &bad) != (test.bad != nil) {
				t.Fatalf("%v", err)
			}
			if bad != nil {
				if diff := cmp.Diff(test.bad, bad.IDs); diff != "" {
					t.Error(diff)
				}
			}
		})
	}
}

func TestNoErrorRepeatsTheToken(t *testing.T) {
	t.Parallel()
	for status := 200; status < 600; status += 13 {
		s := serve(t, says(status, errorBody("Bad"+bearer, "you sent "+bearer), "X-Ms-Request-Id: "+bearer, "Location: https://"+bearer+"/"))
		c := s.client(t)
		_, first := c.Identities(t.Context(), vm)
		_, second := c.Update(t.Context(), vm, on(""), arm.Change{Add: ids("a")})
		_, third := c.Poll(t.Context(), arm.Operation{URL: s.URL + "/op"})
		if text := fmt.Sprint(fault.Explain(first), fault.Explain(second), fault.Explain(third)); strings.Contains(text, bearer) {
			t.Errorf("%d: %s", status, text)
		}
	}
}
