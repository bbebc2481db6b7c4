package keyvault_test

import (
	"strings"
	"testing"

	"strongroom/internal/azure/keyvault"

	"github.com/google/go-cmp/cmp"
)

func TestParseChallenge(t *testing.T) {
	t.Parallel()
	usual := keyvault.Challenge{Authority: "https://login.windows.net/t", Tenant: "t", Resource: "https://vault.azure.net"}
	for header, want := range map[string]keyvault.Challenge{
		`Bearer authorization="https://login.windows.net/t", resource="https://vault.azure.net"`:                 usual,
		`Bearer authorization="https://login.windows.net/t",resource="https://vault.azure.net"`:                  usual,
		`Bearer authorization="https://login.windows.net/t" resource="https://vault.azure.net"`:                  usual,
		`bearer Authorization=https://login.windows.net/t , , RESOURCE="https://vault.azure.net"`:                usual,
		`Bearer authorization_uri="https://login.windows.net/t", scope="https://vault.azure.net/.default"`:       usual,
		`Basic realm="x", Bearer authorization="https://login.windows.net/t", resource=https://vault.azure.net`:  usual,
		`Bearer authorization="https://login.windows.net/t", resource=https://vault.azure.net, Basic resource=x`: usual,
		`Bearer authorization="https://login.windows.net/t", resource="https://vault.azure.net", resource="x"`:   usual,
		`Bearer authorization="https://login.windows.net"`:                                                       {Authority: "https://login.windows.net"},
		`Bearer authorization="https://login.windows.net/"`:                                                      {Authority: "https://login.windows.net/"},
		`Bearer authorization="https://login.windows.net/t/oauth2/authorize"`:                                    {Authority: "https://login.windows.net/t/oauth2/authorize", Tenant: "t"},
		`Bearer authorization="::not a URL%"`:                                                                    {Authority: "::not a URL%"},
		`Bearer error="invalid_token", error_description="it is \"old\", sorry"`:                                 {Error: "invalid_token", Description: `it is "old", sorry`},
		`Bearer error="never ends`: {Error: "never ends"},
		`Bearer error="\`:          {Error: `\`},
		`Bearer`:                   {},
		`Bearer =x error=y`:        {Error: "y"},
		`Bearer """ error=y`:       {Error: "y"},
	} {
		got, ok := keyvault.ParseChallenge(header)
		if diff := cmp.Diff(want, got); !ok || diff != "" {
			t.Errorf("%s: %v %s", header, ok, diff)
		}
	}
	for _, header := range []string{"", " ", ",", `Basic realm="Bearer"`, `Bearerx a=b`, `error="insufficient_claims"`} {
		if got, ok := keyvault.ParseChallenge(header); ok {
			t.Errorf("%q is taken for %+v", header, got)
		}
	}
}

func FuzzChallenge(f *testing.F) {
	for _, seed := range []string{
		`Bearer authorization="https://login.windows.net/t", resource="https://vault.azure.net"`,
		`Bearer error="insufficient_claims", claims="eyJhIjoxfQ=="`,
		`Basic realm="x", Bearer a=b c="d\"`, `Bearer authorization="https://login.windows.net"`, `Bearer =,"`, "\x00\xff",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, header string) {
		c, ok := keyvault.ParseChallenge(header)
		if !ok && c != (keyvault.Challenge{}) {
			t.Errorf("no challenge, and yet %+v", c)
		}
		if c.Claims != "" && !strings.HasPrefix(strings.TrimSpace(c.Claims), "{") {
			t.Errorf("claims that are no object: %q", c.Claims)
		}
		if c.Tenant != "" && strings.Contains(c.Tenant, "/") {
			t.Errorf("tenant %q", c.Tenant)
		}
	})
}
