package access_test

import (
	"strings"
	"testing"
	"time"

	"strongroom/internal/clock"
	"strongroom/internal/emulator/access"
	"strongroom/internal/emulator/entra"
	"strongroom/internal/emulator/keyvault"
	"strongroom/internal/emulator/roles"
	"strongroom/internal/fault"
)

const (
	tenant = "11111111-1111-1111-1111-111111111111"
	app    = "22222222-2222-2222-2222-222222222222"
	object = "33333333-3333-3333-3333-333333333333"
	host   = "kv.vault.azure.localhost:8443"
	arm    = "/subscriptions/S/resourceGroups/RG/providers/Microsoft.KeyVault/vaults/kv"
)

// tokens verifies nothing: what a token says is given, so that the guard's own judgement shows.
type tokens struct {
	claims entra.Claims
	err    error
}

func (t tokens) Verify(string) (entra.Claims, error) { return t.claims, t.err }

// granted is one role at the vault, or at one object in it.
type granted struct {
	role  roles.Role
	scope string
}

func (g granted) MayData(objectID, action, resource string) bool {
	return objectID == object && g.role.AllowsData(action) &&
		(resource == g.scope || strings.HasPrefix(resource, g.scope+"/"))
}

func atVault(t *testing.T, name string) granted { return granted{role(t, name), strings.ToLower(arm)} }

func newGuard(v access.Verifier, now clock.Clock, rules access.Rules, roles ...access.Roles) *access.Guard {
	var known access.Roles
	if len(roles) > 0 {
		known = roles[0]
	}
	guard := access.New(access.Config{
		Tokens: v, Clock: now, Roles: known,
		Authority: func(string) string { return "https://login.azure.localhost:8443" },
	})
	rules.TenantID, rules.ResourceID = tenant, arm
	guard.Set("KV", rules)
	return guard
}

func caller() keyvault.Caller {
	return keyvault.Caller{TenantID: tenant, ObjectID: object, AppID: app, Issuer: "https://sts.windows.net/" + tenant + "/"}
}

func role(t *testing.T, ref string) roles.Role {
	t.Helper()
	r, err := access.FindRole(ref)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestChallengeIsExact(t *testing.T) {
	t.Parallel()
	guard := newGuard(tokens{}, nil, access.Rules{})
	want := `Bearer authorization="https://login.azure.localhost:8443/` + tenant + `", resource="https://vault.azure.localhost:8443"`
	if got := guard.Challenge("kv", host); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	now := clock.NewFake()
	good := func() entra.Claims {
		return entra.Claims{
			Audience: "https://vault.azure.localhost:8443", Issuer: "https://sts.windows.net/" + tenant + "/",
			TenantID: tenant, ObjectID: object, AppID: app,
			NotBefore: now.Now().Add(-time.Minute), Expires: now.Now().Add(time.Hour),
		}
	}
	for name, test := range map[string]struct {
		mutate func(*entra.Claims)
		err    error
		code   string
		text   string // empty: taken
	}{
		"a good token":                  {},
		"another resource":              {mutate: func(c *entra.Claims) { c.Audience = "https://vault.azure.net" }, code: "AKV10022", text: "Expected https://vault.azure.localhost:8443, found: https://vault.azure.net."},
		"a trailing slash":              {mutate: func(c *entra.Claims) { c.Audience += "/" }, code: "AKV10022", text: "Invalid audience"},
		"another tenant":                {mutate: func(c *entra.Claims) { c.Issuer = "https://sts.windows.net/other/" }, code: "AKV10032", text: "Invalid issuer. Expected one of https://sts.windows.net/" + tenant + "/, found https://sts.windows.net/other/."},
		"expired by the vault's clock":  {mutate: func(c *entra.Claims) { c.Expires = now.Now() }, code: "IDX10223", text: "The token is expired"},
		"too early by the vault's":      {mutate: func(c *entra.Claims) { c.NotBefore = now.Now().Add(time.Second) }, code: "IDX10222", text: "not yet valid"},
		"expired by another's clock":    {err: entra.TokenExpired},
		"someone else's signature":      {err: entra.BadSignature, code: "AKV10046", text: "signature validation"},
		"not a token":                   {err: entra.Malformed, code: "IDX12741", text: "malformed"},
		"expired and of another tenant": {mutate: func(c *entra.Claims) { c.Issuer, c.Expires = "x", now.Now() }, code: "IDX10223", text: "The token is expired"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			claims := good()
			if test.mutate != nil {
				test.mutate(&claims)
			}
			got, err := newGuard(tokens{claims, test.err}, now, access.Rules{}).Authenticate("kv", host, "raw")
			if test.text == "" {
				if err != nil || got != caller() {
					t.Fatalf("got %+v, %v", got, err)
				}
				return
			}
			refusal, ok := err.(*fault.Error)
			if !ok || refusal.Remote.Code != test.code || !strings.Contains(refusal.Message, test.text) {
				t.Errorf("got %v, want %s %q", err, test.code, test.text)
			}
		})
	}
}

// counted is a verifier that tells how often it was asked.
type counted struct {
	tokens
	asked int
}

func (c *counted) Verify(raw string) (entra.Claims, error) {
	c.asked++
	return c.tokens.Verify(raw)
}

func TestATokenIsVerifiedOnceAndJudgedEachTime(t *testing.T) {
	t.Parallel()
	now := clock.NewFake()
	verifier := &counted{tokens: tokens{claims: entra.Claims{
		Audience: "https://vault.azure.localhost:8443", Issuer: caller().Issuer, Expires: now.Now().Add(time.Hour)}}}
	guard := newGuard(verifier, now, access.Rules{})
	for range 3 {
		if _, err := guard.Authenticate("kv", host, "raw"); err != nil {
			t.Fatal(err)
		}
	}
	now.Advance(time.Hour)
	if _, err := guard.Authenticate("kv", host, "raw"); err == nil || verifier.asked != 1 {
		t.Errorf("after its expiry: %v; verified %d times", err, verifier.asked)
	}
	if _, err := guard.Authenticate("kv", host, "another"); err == nil || verifier.asked != 2 {
		t.Errorf("another token: %v; verified %d times", err, verifier.asked)
	}
}

func TestPolicies(t *testing.T) {
	t.Parallel()
	guard := newGuard(tokens{}, nil, access.Rules{Policies: []access.Policy{
		{ObjectID: strings.ToUpper(object), Secrets: []string{"Get", "list"}},
		{ObjectID: object, Keys: []string{"all"}},
		{ObjectID: "someone else", Certificates: []string{"get"}},
	}})
	for _, test := range []struct {
		area    keyvault.Area
		action  keyvault.Action
		allowed bool
	}{
		{keyvault.Secrets, keyvault.Get, true},
		{keyvault.Secrets, keyvault.List, true},
		{keyvault.Secrets, keyvault.Set, false},
		{keyvault.Keys, keyvault.Sign, true},
		{keyvault.Certificates, keyvault.Get, false},
	} {
		if refusal := guard.Authorize("kv", caller(), test.area, test.action, "x"); (refusal == nil) != test.allowed {
			t.Errorf("%s %s: %v", test.area, test.action, refusal)
		}
	}
}

func TestRoles(t *testing.T) {
	t.Parallel()
	const all = "get list set create import update delete recover purge backup restore"
	for _, test := range []struct {
		role  string
		area  keyvault.Area
		may   string
		asked string
	}{
		{"Key Vault Secrets User", keyvault.Secrets, "get list", all},
		{"Key Vault Secrets User", keyvault.Certificates, "", all},
		{"Key Vault Secrets User", keyvault.Keys, "", all},
		{"key vault secrets officer", keyvault.Secrets, all, all},
		{"key vault secrets officer", keyvault.Keys, "", all},
		{"db79e9a7-68ee-4b58-9aeb-b90e7c24fcba", keyvault.Certificates, "get list", all},
		{"db79e9a7-68ee-4b58-9aeb-b90e7c24fcba", keyvault.Secrets, "get list", all},
		{"db79e9a7-68ee-4b58-9aeb-b90e7c24fcba", keyvault.Keys, "get list", all},
		{"/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions/21090545-7ca7-4776-b22c-e363652d74d2", keyvault.Secrets, "list", all},
		{"Key Vault Reader", keyvault.Certificates, "get list", all},
		{"Key Vault Crypto User", keyvault.Keys, "get list update backup encrypt wrapkey sign", all + " encrypt wrapkey sign rotate"},
		{"Key Vault Crypto Service Encryption User", keyvault.Keys, "get list wrapkey unwrapkey", all + " sign wrapkey unwrapkey"},
		{"Key Vault Crypto Officer", keyvault.Keys, "rotate setrotationpolicy create", "rotate setrotationpolicy create"},
		{"Key Vault Certificates Officer", keyvault.Certificates, "create managecontacts setissuers", "create managecontacts setissuers"},
		{"Key Vault Administrator", keyvault.Keys, all, all},
		{"Key Vault Purge Operator", keyvault.Secrets, "", all},
		{"Key Vault Data Access Administrator", keyvault.Secrets, "", all},
	} {
		guard := newGuard(tokens{}, nil, access.Rules{RBAC: true}, atVault(t, test.role))
		for _, action := range strings.Fields(test.asked) {
			want := strings.Contains(" "+test.may+" ", " "+action+" ")
			if refusal := guard.Authorize("kv", caller(), test.area, keyvault.Action(action), "x"); (refusal == nil) != want {
				t.Errorf("%s, %s %s: allowed %v, want %v", test.role, test.area, action, refusal == nil, want)
			}
		}
	}
}

func TestARoleAtOneObjectStopsThere(t *testing.T) {
	t.Parallel()
	guard := newGuard(tokens{}, nil, access.Rules{RBAC: true},
		granted{role(t, "Key Vault Secrets User"), strings.ToLower(arm) + "/secrets/mine"})
	for _, test := range []struct {
		action  keyvault.Action
		object  string
		allowed bool
	}{
		{keyvault.Get, "mine", true},
		{keyvault.List, "mine", true}, // its versions
		{keyvault.Get, "mine-too", false},
		{keyvault.List, "", false},
	} {
		if refusal := guard.Authorize("kv", caller(), keyvault.Secrets, test.action, test.object); (refusal == nil) != test.allowed {
			t.Errorf("%s %q: %v", test.action, test.object, refusal)
		}
	}
}

func TestEachModelIgnoresTheOther(t *testing.T) {
	t.Parallel()
	rules := access.Rules{Policies: []access.Policy{{ObjectID: object, Secrets: []string{"get"}}}}
	if newGuard(tokens{}, nil, rules, atVault(t, "Key Vault Secrets Officer")).Authorize("kv", caller(), keyvault.Secrets, keyvault.Set, "x") == nil {
		t.Error("a role counted in an access-policy vault")
	}
	rules.RBAC = true
	if newGuard(tokens{}, nil, rules).Authorize("kv", caller(), keyvault.Secrets, keyvault.Get, "x") == nil {
		t.Error("a policy counted in an RBAC vault")
	}
}

func TestAVaultWithoutRulesLetsNobodyIn(t *testing.T) {
	t.Parallel()
	guard := newGuard(tokens{}, nil, access.Rules{})
	if guard.Authorize("other", caller(), keyvault.Secrets, keyvault.Get, "x") == nil {
		t.Error("allowed")
	}
}

func TestRefusalTexts(t *testing.T) {
	t.Parallel()
	who := "appid=" + app + ";oid=" + object + ";iss=https://sts.windows.net/" + tenant + "/"
	for name, test := range map[string]struct {
		rules access.Rules
		want  keyvault.Refusal
	}{
		"policies": {access.Rules{}, keyvault.Refusal{Code: "Forbidden", Inner: "AccessDenied",
			Message: "The user, group or application '" + who + "' does not have secrets get permission on key vault 'kv;location=local'. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125287"}},
		"rbac": {access.Rules{RBAC: true}, keyvault.Refusal{Code: "Forbidden", Inner: "ForbiddenByRbac",
			Message: "Caller is not authorized to perform action on resource.\r\nIf role assignments, deny assignments or role definitions were changed recently, please observe propagation time.\r\nCaller: " + who +
				"\r\nAction: 'Microsoft.KeyVault/vaults/secrets/getSecret/action'\r\nResource: '/subscriptions/s/resourcegroups/rg/providers/microsoft.keyvault/vaults/kv/secrets/db'\r\nAssignment: (not found)\r\nDenyAssignmentId: null\r\nDecisionReason: 'DeniedWithNoValidRBAC' \r\nVault: kv;location=local\r\n"}},
		"firewall": {access.Rules{Firewall: true, Policies: []access.Policy{{ObjectID: object, Secrets: []string{"all"}}}}, keyvault.Refusal{Code: "Forbidden", Inner: "ForbiddenByFirewall",
			Message: "Client address is not authorized and caller is not a trusted service.\r\nClient address: 127.0.0.1\r\nCaller: " + who + "\r\nVault: kv;location=local"}},
	} {
		got := newGuard(tokens{}, nil, test.rules).Authorize("kv", caller(), keyvault.Secrets, keyvault.Get, "DB")
		if got == nil || *got != test.want {
			t.Errorf("%s: got %+v", name, got)
		}
	}
}

func TestFindRoleNamesWhatThereIs(t *testing.T) {
	t.Parallel()
	if _, err := access.FindRole("Owner"); fault.KindOf(err) != fault.Invalid || !strings.Contains(fault.Explain(err), "Key Vault Secrets User") {
		t.Errorf("got %v", fault.Explain(err))
	}
}
