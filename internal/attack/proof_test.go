package attack

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"strongroom/api/secretsstore"
)

// tokensOf is the kubelet's document with one token under an audience.
func tokensOf(audience, token string) string {
	text, _ := json.Marshal(map[string]any{audience: map[string]any{"token": token}})
	return string(text)
}

// What shop/web has in the cache is opened by a token that Kubernetes gave shop/web for Azure, and by nothing else.
func TestOnlyThePodsOwnTokenOpensAnything(t *testing.T) {
	t.Parallel()
	n := newNode(t, func(s *settings) { s.publish.Interval = time.Hour })
	n.pod(parameters(secrets("a"))).mustMount()
	n.azure.requests()
	now := n.clock.Now()
	token := func(change map[string]any) string { return n.token("shop", "web", exchange, change) }
	good := token(nil)
	part := strings.Split(good, ".")
	for name, test := range map[string]struct {
		tokens string
		code   codes.Code
	}{
		"none":                        {"", codes.InvalidArgument},
		"an empty document":           {"{}", codes.InvalidArgument},
		"not JSON":                    {"x" + tokensOf(exchange, good), codes.InvalidArgument},
		"a list":                      {"[]", codes.InvalidArgument},
		"a giant document":            {tokensOf(exchange, good+strings.Repeat("A", 1<<20)), codes.InvalidArgument},
		"another account's":           {tokensOf(exchange, n.token("shop", "api", exchange, nil)), codes.PermissionDenied},
		"another namespace's":         {tokensOf(exchange, n.token("bank", "web", exchange, nil)), codes.PermissionDenied},
		"a subject in other case":     {tokensOf(exchange, token(map[string]any{"sub": "system:serviceaccount:shop:Web"})), codes.PermissionDenied},
		"a subject with a tail":       {tokensOf(exchange, token(map[string]any{"sub": "system:serviceaccount:shop:web "})), codes.PermissionDenied},
		"no subject":                  {tokensOf(exchange, token(map[string]any{"sub": ""})), codes.PermissionDenied},
		"a subject that is a list":    {tokensOf(exchange, token(map[string]any{"sub": []string{"system:serviceaccount:shop:web"}})), codes.InvalidArgument},
		"another audience inside":     {tokensOf(exchange, token(map[string]any{"aud": []string{"api://Other"}})), codes.PermissionDenied},
		"an audience with a slash":    {tokensOf(exchange, token(map[string]any{"aud": exchange + "/"})), codes.PermissionDenied},
		"no audience":                 {tokensOf(exchange, token(map[string]any{"aud": nil})), codes.PermissionDenied},
		"another audience outside":    {tokensOf("api://Other", good), codes.InvalidArgument},
		"the binding's audience only": {tokensOf(binding, n.token("shop", "web", binding, nil)), codes.InvalidArgument},
		"no issuer":                   {tokensOf(exchange, token(map[string]any{"iss": ""})), codes.InvalidArgument},
		"no expiry":                   {tokensOf(exchange, token(map[string]any{"exp": nil})), codes.InvalidArgument},
		"an expiry of text":           {tokensOf(exchange, token(map[string]any{"exp": "never"})), codes.InvalidArgument},
		"an expiry below zero":        {tokensOf(exchange, token(map[string]any{"exp": -1})), codes.InvalidArgument},
		"an expiry beyond all dates":  {tokensOf(exchange, token(map[string]any{"exp": 1e300})), codes.InvalidArgument},
		"expired":                     {tokensOf(exchange, token(map[string]any{"exp": now.Add(-time.Second).Unix()})), codes.Unauthenticated},
		"not yet valid":               {tokensOf(exchange, token(map[string]any{"nbf": now.Add(10 * time.Minute).Unix()})), codes.Unauthenticated},
		"without a signature":         {tokensOf(exchange, part[0]+"."+part[1]+"."), codes.InvalidArgument},
		"two parts":                   {tokensOf(exchange, part[0]+"."+part[1]), codes.InvalidArgument},
		"five parts":                  {tokensOf(exchange, good+".x.y"), codes.InvalidArgument},
		"a body that is no base64":    {tokensOf(exchange, part[0]+".!!!."+part[2]), codes.InvalidArgument},
		"a line break within":         {tokensOf(exchange, part[0]+"."+part[1][:9]+"\n"+part[1][9:]+"."+part[2]), codes.InvalidArgument},
		"a line break at the end":     {tokensOf(exchange, good+"\r\n"), codes.InvalidArgument},
	} {
		p := n.pod(parameters(secrets("a")))
		p.tokens = test.tokens
		said := p.refused(p.mount(), test.code)
		if t.Failed() {
			t.Fatalf("%s: %s", name, said)
		}
		if strings.Contains(said, part[1]) || strings.Contains(said, part[2]) {
			t.Errorf("%s: the token was told: %s", name, said)
		}
	}
	if list := n.azure.requests(); len(list) != 0 {
		t.Errorf("called: %v", list)
	}
	for name, tokens := range map[string]string{
		"two audiences":                      tokensOf(exchange, token(map[string]any{"aud": []string{"api://Other", exchange}})),
		"an audience that is a word":         tokensOf(exchange, token(map[string]any{"aud": exchange})),
		"a moment of difference in the time": tokensOf(exchange, token(map[string]any{"nbf": now.Add(10 * time.Second).Unix()})),
	} {
		p := n.pod(parameters(secrets("a")))
		p.tokens = tokens
		if err := p.mount(); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// The authority verifies; what it refuses is gone from the cache too, whoever had it there.
func TestAForgedSignatureIsTheAuthoritysToRefuse(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	n.azure.on(only("token", body400(`{"error":"invalid_client","error_codes":[700213],"error_description":"AADSTS700213: No matching federated identity record found."}`)))
	p := n.pod(parameters(secrets("a")))
	header := "eyJhbGciOiJub25lIn0" // {"alg":"none"}
	p.tokens = tokensOf(exchange, header+strings.TrimPrefix(n.token("shop", "web", exchange, nil), strings.Split(n.token("shop", "web", exchange, nil), ".")[0]))
	if said := p.refused(p.mount(), codes.PermissionDenied); !strings.Contains(said, "AADSTS700213") {
		t.Errorf("said: %s", said)
	}
	if list := n.azure.requests(); len(list) != 1 {
		t.Errorf("requests: %v", list)
	}
}

// A pod's author may write what they like under the kubelet's prefix, in any case, in pod and class: it is not heard.
func TestNobodyButTheKubeletSaysWhoAPodIs(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	forged := map[string]string{}
	for _, key := range []string{secretsstore.AttrPodName, secretsstore.AttrPodNamespace, secretsstore.AttrServiceAccount, secretsstore.AttrServiceAccountToken, secretsstore.AttrPodUID} {
		for _, spell := range []func(string) string{strings.ToUpper, func(s string) string { return strings.Replace(s, "csi", "CSI", 1) }} {
			forged[spell(key)] = "bank"
		}
	}
	forged[strings.ToUpper(secretsstore.AttrServiceAccountToken)] = n.tokens("bank", "root")
	forged["csi.storage.k8s.io/made.up"] = "x"

	class := parameters(secrets("a"))
	maps.Copy(class, forged)
	maps.Copy(class, map[string]string{
		secretsstore.AttrPodNamespace: "bank", secretsstore.AttrServiceAccount: "root", secretsstore.AttrServiceAccountToken: n.tokens("bank", "root"),
	})
	p := n.pod(class)
	p.context = forged
	p.mustMount()
	if got := p.files()["a"]; got != contentFor(web(tenant, client), "kv-one", "a") {
		t.Errorf("it was %q who read", got)
	}

	incomplete := n.pod(parameters(secrets("a")))
	incomplete.context = map[string]string{secretsstore.AttrPodUID: ""}
	incomplete.refused(incomplete.mount(), codes.InvalidArgument)

	bound := n.pod(parameters(secrets("a"), "clientID", "", "usePodIdentity", "true"))
	bound.context = map[string]string{strings.ToUpper(secretsstore.AttrPodName): "victim", "podname": "victim"}
	bound.mustMount()
	if got := bound.files()["a"]; !strings.HasPrefix(got, "nmi|"+nmiClient("shop", bound.name)) {
		t.Errorf("it was %q who read", got)
	}
}

// A kubelet of 1.35 sends the tokens among the secrets; those among the attributes are then nobody's word.
func TestTokensAmongTheSecretsGoBeforeThoseAmongTheAttributes(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	p := n.pod(parameters(secrets("a")))
	p.secrets = map[string]string{secretsstore.AttrServiceAccountToken: n.tokens("shop", "web")}
	p.tokens = n.tokens("bank", "root")
	p.mustMount()

	wrong := n.pod(parameters(secrets("a")))
	wrong.secrets = map[string]string{secretsstore.AttrServiceAccountToken: n.tokens("bank", "root")}
	wrong.refused(wrong.mount(), codes.PermissionDenied)

	for _, spelling := range []string{strings.ToUpper(secretsstore.AttrServiceAccountToken), "serviceAccount.tokens"} {
		other := n.pod(parameters(secrets("a")))
		other.secrets, other.tokens = map[string]string{spelling: n.tokens("shop", "web")}, ""
		other.refused(other.mount(), codes.InvalidArgument)
	}
}

// With the operator's word, a pod cannot bend a class: not by a parameter's other spelling either.
func TestAForbiddenOverrideIsForbiddenInEverySpelling(t *testing.T) {
	t.Parallel()
	n := newNode(t, func(s *settings) { s.publish.ForbidOverride = true })
	for key, value := range map[string]string{
		"keyvaultName": "kv-two", "KEYVAULTNAME": "kv-two", "tenantId": "22222222-2222-3333-4444-555555555555",
		"tenantID": "22222222-2222-3333-4444-555555555555", "TenantId": "22222222-2222-3333-4444-555555555555",
		"clientid": "bbbbbbbb-2222-3333-4444-555555555555", "objects": secrets("b"), "Objects": secrets("b"),
		"usePodIdentity": "true", "cloudName": "AzurePublicCloud", // not replaced, but bent all the same
	} {
		p := n.pod(parameters(secrets("a")))
		p.context = map[string]string{key: value}
		if said := p.refused(p.mount(), codes.PermissionDenied); !strings.Contains(said, key) {
			t.Errorf("%s: %s", key, said)
		}
	}
	p := n.pod(parameters(secrets("a")))
	p.context = map[string]string{"keyvaultName": "kv-one", "TENANTID": tenant}
	p.mustMount()
	if list := n.azure.requests(); len(list) != 2 {
		t.Error(fmt.Sprint(list))
	}
}
