package params_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/azure/params"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

func TestDecodeChoosesTheIdentityAndSaysWhy(t *testing.T) {
	t.Parallel()
	for _, m := range []struct {
		name   string
		change func(*params.Input)
		mode   secret.Mode
		client string
		why    string
		notes  int
	}{
		{"pod identity", func(in *params.Input) {
			in.Attributes = set(in.Attributes, "usePodIdentity", "true", "useVMManagedIdentity", "", "userAssignedIdentityID", "")
		}, secret.PodIdentity, "", "usePodIdentity", 0},
		{"pod identity does not look at clientID", func(in *params.Input) {
			in.Attributes = set(in.Attributes, "usePodIdentity", "true", "useVMManagedIdentity", "", "clientID", clientID)
		}, secret.PodIdentity, "", "usePodIdentity", 2},
		{"user-assigned", func(*params.Input) {}, secret.ManagedIdentity, clientID, "userAssignedIdentityID names", 0},
		{"system-assigned", func(in *params.Input) {
			in.Attributes = set(in.Attributes, "userAssignedIdentityID", "")
		}, secret.ManagedIdentity, "", "userAssignedIdentityID is empty", 0},
		{"managed identity needs no token, whatever clientID says", func(in *params.Input) {
			in.Attributes = set(in.Attributes, "clientID", "something")
		}, secret.ManagedIdentity, clientID, "userAssignedIdentityID", 1},
		{"a client id that is no GUID is Azure's to judge", func(in *params.Input) {
			in.Attributes = set(in.Attributes, "userAssignedIdentityID", "my-app")
		}, secret.ManagedIdentity, "my-app", "userAssignedIdentityID", 1},
		{"workload identity", func(in *params.Input) { *in = workload() },
			secret.WorkloadIdentity, clientID, "clientID is set", 0},
		{"identity binding", func(in *params.Input) {
			*in = workload()
			in.Attributes = set(in.Attributes, "useAzureTokenProxy", "true",
				tokenKey, tokens(map[string]string{params.BindingAudience: jwt(map[string]any{"aud": params.BindingAudience})}))
		}, secret.IdentityBinding, clientID, "useAzureTokenProxy", 0},
		{"service principal", func(in *params.Input) {
			in.Attributes = set(in.Attributes, "useVMManagedIdentity", "", "userAssignedIdentityID", "")
			in.Secrets = values("clientid", clientID, "clientsecret", planted)
		}, secret.ServicePrincipal, "", "nodePublishSecretRef", 0},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			in := valid()
			m.change(&in)
			r := decode(t, in)
			if r.Identity.Mode != m.mode || r.Identity.ClientID != m.client || !strings.Contains(r.Identity.Why, m.why) {
				t.Errorf("%+v", r.Identity)
			}
			if len(r.Notes) != m.notes {
				t.Errorf("notes %q", r.Notes)
			}
		})
	}
}

func set(attributes map[string]string, pairs ...string) map[string]string {
	for i := 0; i < len(pairs); i += 2 {
		attributes[pairs[i]] = pairs[i+1]
	}
	return attributes
}

func TestDecodeReadsTheTokenOfThePodsOwnAccount(t *testing.T) {
	t.Parallel()
	raw := jwt(nil)
	want := &params.Assertion{
		Raw: secret.NewValue([]byte(raw)), Issuer: "https://issuer.example/", Subject: "system:serviceaccount:shop:web",
		Audience: exchange, NotBefore: time.Unix(1900000000, 0).UTC(), Expires: time.Unix(1900003600, 0).UTC(),
	}
	inAttributes := workload()
	inSecrets := workload()
	inSecrets.Secrets = values(tokenKey, inSecrets.Attributes[tokenKey])
	delete(inSecrets.Attributes, tokenKey)
	for _, in := range []params.Input{inAttributes, inSecrets} {
		got := decode(t, in).Identity.Assertion
		if diff := cmp.Diff(want, got, cmp.Comparer(secret.Value.Equal)); diff != "" {
			t.Error(diff)
		}
	}
}

func TestDecodeWantsTheCloudsOwnAudienceFirst(t *testing.T) {
	t.Parallel()
	const government = exchange + "USGov"
	both := tokens(map[string]string{exchange: jwt(nil), government: jwt(map[string]any{"aud": government})})
	for _, m := range []struct {
		tokens, audience string
		notes            int
	}{
		{both, government, 0},
		{tokens(map[string]string{exchange: jwt(nil)}), exchange, 1},
	} {
		in := workload()
		in.Attributes["cloudName"] = "AzureUSGovernmentCloud"
		in.Attributes[tokenKey] = m.tokens
		r := decode(t, in)
		if r.Identity.Assertion.Audience != m.audience || len(r.Notes) != m.notes {
			t.Errorf("audience %s, notes %q; want %s, %d", r.Identity.Assertion.Audience, r.Notes, m.audience, m.notes)
		}
	}
}

func TestDecodeRefusesTokens(t *testing.T) {
	t.Parallel()
	const none = "failed to build auth config for mode None: failed to parse workload identity tokens, error: "
	with := func(changes map[string]any) string { return tokens(map[string]string{exchange: jwt(changes)}) }
	for _, m := range []struct {
		name, tokens, want string
		kind               fault.Kind
	}{
		{"none", "", none + "service account tokens not found", fault.Invalid},
		{"not JSON", planted, none + "failed to unmarshal service account tokens, error: ", fault.Invalid},
		{"not an object", `["` + planted + `"]`, none + "failed to unmarshal service account tokens, error: ", fault.Invalid},
		{"too much", `{"` + strings.Repeat(planted, 30000) + `":{}}`, none + "failed to unmarshal", fault.Invalid},
		{"another audience's", tokens(map[string]string{"x": jwt(nil)}), none + "token for audience " + exchange + " not found", fault.Invalid},
		{"no JWT", tokens(map[string]string{exchange: planted}), "is not a JSON web token", fault.Invalid},
		{"no payload", tokens(map[string]string{exchange: "a.!" + planted + "!.c"}), "is not a JSON web token", fault.Invalid},
		{"a payload of no claims", tokens(map[string]string{exchange: "a." + base64.RawURLEncoding.EncodeToString([]byte(`"`+planted+`"`)) + ".c"}), "is not a JSON web token", fault.Invalid},
		{"a line break within", tokens(map[string]string{exchange: strings.Replace(jwt(nil), ".", ".\n", 1)}), "is not a JSON web token", fault.Invalid},
		{"another account's", with(map[string]any{"sub": "system:serviceaccount:shop:" + planted}), "is not of the pod's own system:serviceaccount:shop:web", fault.Denied},
		{"another namespace's", with(map[string]any{"sub": "system:serviceaccount:other:web"}), "is not of the pod's own", fault.Denied},
		{"nobody's", with(map[string]any{"sub": nil}), "is not of the pod's own", fault.Denied},
		{"for another audience", with(map[string]any{"aud": planted}), "is for another audience", fault.Denied},
		{"for no audience", with(map[string]any{"aud": nil}), "is for another audience", fault.Denied},
		{"for an odd audience", with(map[string]any{"aud": 7}), "is for another audience", fault.Denied},
		{"of no issuer", with(map[string]any{"iss": nil}), "names no issuer", fault.Invalid},
		{"for ever", with(map[string]any{"exp": nil}), "says no time of expiry", fault.Invalid},
		{"until the end of time", with(map[string]any{"exp": 1e300}), "says no time of expiry", fault.Invalid},
		{"from before time", with(map[string]any{"nbf": -1e300}), "says no proper time to begin", fault.Invalid},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			in := workload()
			in.Attributes[tokenKey] = m.tokens
			refused(t, in, m.want)
			if _, err := params.Decode(in); fault.KindOf(err) != m.kind {
				t.Errorf("kind %v, want %v", fault.KindOf(err), m.kind)
			}
		})
	}
}

func TestDecodeRefusesAPodWithoutAnAccount(t *testing.T) {
	t.Parallel()
	in := workload()
	delete(in.Attributes, "csi.storage.k8s.io/serviceAccount.name")
	in.Attributes[tokenKey] = tokens(map[string]string{exchange: jwt(map[string]any{"sub": "system:serviceaccount:shop:"})})
	refused(t, in, "is not of the pod's own")
}

func TestDecodeRefusesIdentityBinding(t *testing.T) {
	t.Parallel()
	const mode = "failed to build auth config for mode AzureTokenProxy: "
	for _, m := range []struct{ client, tokens, want string }{
		{"", "", mode + "clientID is required for identity binding"},
		{clientID, "", mode + "service account tokens are required for identity binding"},
		{clientID, tokens(map[string]string{exchange: jwt(nil)}), mode + "failed to parse service account token for identity binding, error: token for audience api://AKSIdentityBinding not found"},
		{clientID, tokens(map[string]string{params.BindingAudience: jwt(nil)}), "is for another audience"},
	} {
		in := workload()
		in.Attributes = set(in.Attributes, "useAzureTokenProxy", "true", "clientID", m.client, tokenKey, m.tokens)
		refused(t, in, m.want)
	}
}

const certificate = "-----BEGIN CERTIFICATE-----\n" + planted + "\n-----END CERTIFICATE-----\n"

func principal(secrets map[string]secret.Value) params.Input {
	in := valid()
	delete(in.Attributes, "useVMManagedIdentity")
	delete(in.Attributes, "userAssignedIdentityID")
	in.Secrets = secrets
	return in
}

func TestDecodeReadsAServicePrincipal(t *testing.T) {
	t.Parallel()
	for _, m := range []struct {
		name    string
		secrets map[string]secret.Value
		want    params.Credential
		notes   int
	}{
		{"with a secret", values("clientid", clientID, "clientsecret", planted),
			params.Credential{ClientID: clientID, Secret: secret.NewValue([]byte(planted))}, 0},
		{"in any case", values("ClientID", clientID, "CLIENTSECRET", planted),
			params.Credential{ClientID: clientID, Secret: secret.NewValue([]byte(planted))}, 0},
		{"made with echo", values("clientid", clientID+"\n", "clientsecret", planted+"\n"),
			params.Credential{ClientID: clientID, Secret: secret.NewValue([]byte(planted))}, 1},
		{"beside the kubelet's tokens", values("clientid", clientID, "clientsecret", planted, tokenKey, "{}"),
			params.Credential{ClientID: clientID, Secret: secret.NewValue([]byte(planted))}, 0},
		{"with a certificate", values("clientid", clientID, "clientcertificate", certificate),
			params.Credential{ClientID: clientID, Certificate: secret.NewValue([]byte(certificate))}, 0},
		{"with a PKCS#12", values("clientid", clientID, "clientcertificate", "MAAA", "clientcertificatepassword", planted),
			params.Credential{ClientID: clientID, Certificate: secret.NewValue([]byte("MAAA")), CertificatePassword: secret.NewValue([]byte(planted))}, 0},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			r := decode(t, principal(m.secrets))
			if diff := cmp.Diff(&m.want, r.Identity.Credential, cmp.Comparer(secret.Value.Equal)); diff != "" {
				t.Error(diff)
			}
			if len(r.Notes) != m.notes || strings.Contains(strings.Join(r.Notes, " "), planted) {
				t.Errorf("notes %q", r.Notes)
			}
		})
	}
}

func TestDecodeRefusesServicePrincipals(t *testing.T) {
	t.Parallel()
	const mode = "failed to build auth config for mode None: "
	for _, m := range []struct {
		secrets map[string]secret.Value
		want    string
	}{
		{nil, mode + "failed to get credentials, nodePublishSecretRef secret is not set"},
		{values(tokenKey, "{}"), mode + "failed to get credentials, nodePublishSecretRef secret is not set"},
		{values("clientsecret", planted), mode + "could not find clientid in secrets"},
		{values("clientid", clientID), mode + "could not find clientsecret in secrets"},
		{values("clientid", clientID, "clientsecret", "\n"), mode + "could not find clientsecret in secrets"},
		{values("clientid", planted+"~!", "clientsecret", "x"), "clientid in secrets is not a client id"},
		{values("clientid", clientID, "clientsecret", planted, "ClientSecret", planted+"2"), "key clientsecret is given twice"},
		{values("clientid", clientID, "clientsecret", planted, "clientcertificate", certificate), "only one can be used"},
		{values("clientid", clientID, "clientcertificate", planted), "is neither PEM nor base64 PKCS#12"},
	} {
		refused(t, principal(m.secrets), m.want)
	}
}
