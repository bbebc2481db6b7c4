package arm_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/azure/arm"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

func TestWhatAMachineHas(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body string
		want arm.Held
	}{
		"nothing": {`{"properties":{"provisioningState":"Updating"}}`, arm.Held{ProvisioningState: "Updating", Identities: map[string]arm.HeldIdentity{}}},
		"both": {`{"etag":"\"3\"","identity":{"type":"SystemAssigned, UserAssigned","principalId":"p","tenantId":"t","userAssignedIdentities":{
			"/subscriptions/S/resourceGroups/G/providers/Microsoft.ManagedIdentity/userAssignedIdentities/Web":{"clientId":"c1","principalId":"p1"},
			"/gone":null,"/gone/too":{}}},"properties":{"provisioningState":"Succeeded"}}`,
			arm.Held{Type: "SystemAssigned, UserAssigned", PrincipalID: "p", TenantID: "t", ETag: `"3"`, ProvisioningState: "Succeeded",
				Identities: map[string]arm.HeldIdentity{
					"/subscriptions/s/resourcegroups/g/providers/microsoft.managedidentity/userassignedidentities/web": {ClientID: "c1", PrincipalID: "p1"},
					"/gone": {}, "/gone/too": {}}}},
	} {
		s := serve(t, says(200, test.body))
		got, err := s.client(t).Identities(t.Context(), pool)
		if diff := cmp.Diff(test.want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n%s", name, err, diff)
		}
		if r := s.only(t); r.Method != "GET" || r.RequestURI != nodes+"/providers/Microsoft.Compute/virtualMachineScaleSets/pool?api-version=2019-12-01" || r.body != "" {
			t.Errorf("%s %s %q", r.Method, r.RequestURI, r.body)
		}
	}
}

func TestAnAnswerThatIsNoMachinesIsNotBelieved(t *testing.T) {
	t.Parallel()
	for _, body := range []string{"", "<html>sign in</html>", `{}`, `{"identity":null}`, `{"properties":`} {
		s := serve(t, says(200, body))
		if _, err := s.client(t).Identities(t.Context(), vm); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestWithoutATokenNothingIsAsked(t *testing.T) {
	t.Parallel()
	s := serve(t, says(200, `{}`))
	for kind, want := range map[fault.Kind]fault.Kind{fault.Throttled: fault.Throttled, fault.NotFound: fault.Denied, fault.Unavailable: fault.Unavailable} {
		c := s.client(t, func(c *arm.Config) {
			c.Token = func(context.Context) (secret.Value, error) {
				return secret.Value{}, fault.New(kind, "login", "no").Mend("do")
			}
		})
		_, err := c.Identities(t.Context(), vm)
		if fault.KindOf(err) != want || !strings.Contains(fault.Explain(err), "to mend: do") || s.requests() != 0 {
			t.Errorf("%d requests, %v", s.requests(), err)
		}
	}
}

func TestNoTokenGoesToAnEndpointThatIsNotSafe(t *testing.T) {
	t.Parallel()
	for _, endpoint := range []string{"", "http://management.azure.com", "management.azure.com", "https://user@management.azure.com", "https://management.azure.com/?a=b", "://"} {
		c := arm.New(arm.Config{Endpoint: endpoint, Token: func(context.Context) (secret.Value, error) {
			t.Errorf("%q: a token was asked for", endpoint)
			return secret.Value{}, errors.New("no")
		}})
		if _, err := c.Identities(t.Context(), vm); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
}

func TestAServerThatIsSilentOrPointsElsewhere(t *testing.T) {
	t.Parallel()
	s := serve(t, says(302, "", "Location: https://elsewhere.example/"))
	if _, err := s.client(t).Identities(t.Context(), vm); fault.KindOf(err) != fault.Unavailable || !strings.Contains(err.Error(), "elsewhere.example") {
		t.Errorf("%v", err)
	}
	c := s.client(t)
	s.Close()
	if _, err := c.Identities(t.Context(), vm); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("%v", err)
	}
}
