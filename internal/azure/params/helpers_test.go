package params_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"strongroom/internal/azure/params"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

const (
	tenantID = "11111111-2222-3333-4444-555555555555"
	clientID = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
	tokenKey = "csi.storage.k8s.io/serviceAccount.tokens"
	exchange = "api://AzureADTokenExchange"
	// planted stands for every secret byte in these tests: no error and no note may ever show it.
	planted = "Pl4ntedS3cret"
)

const documented = `
array:
  - |
    objectName: secret1
    objectType: secret        # object types: secret, key or cert
    objectVersion: ""         # [OPTIONAL] object versions, default to latest if empty
  - |
    objectName: key1
    objectType: key
    objectVersion: ""
`

// valid is a volume of user-assigned managed identity, as the documents write it.
func valid() params.Input {
	return params.Input{
		Mode: 0o644,
		Attributes: map[string]string{
			"usePodIdentity":         "false",
			"useVMManagedIdentity":   "true",
			"userAssignedIdentityID": clientID,
			"keyvaultName":           "kvname",
			"cloudName":              "",
			"objects":                documented,
			"tenantId":               tenantID,
			"secretProviderClass":    "azure-kvname-user-msi",

			"csi.storage.k8s.io/pod.name":            "web-0",
			"csi.storage.k8s.io/pod.namespace":       "shop",
			"csi.storage.k8s.io/pod.uid":             "u-1",
			"csi.storage.k8s.io/serviceAccount.name": "web",
			"csi.storage.k8s.io/ephemeral":           "true",
		},
	}
}

// workload is the same volume with a token instead.
func workload() params.Input {
	in := valid()
	delete(in.Attributes, "useVMManagedIdentity")
	delete(in.Attributes, "userAssignedIdentityID")
	in.Attributes["clientID"] = clientID
	in.Attributes[tokenKey] = tokens(map[string]string{exchange: jwt(nil)})
	return in
}

// jwt is a token of the pod's own, with claims replaced (nil removes one). Its signature is the planted secret.
func jwt(changes map[string]any) string {
	claims := map[string]any{
		"iss": "https://issuer.example/", "sub": "system:serviceaccount:shop:web", "aud": []string{exchange},
		"nbf": 1900000000, "exp": 1900003600,
	}
	for k, v := range changes {
		claims[k] = v
		if v == nil {
			delete(claims, k)
		}
	}
	body, _ := json.Marshal(claims)
	b64 := base64.RawURLEncoding.EncodeToString
	return b64([]byte(`{"alg":"RS256"}`)) + "." + b64(body) + "." + planted
}

func tokens(byAudience map[string]string) string {
	doc := map[string]any{}
	for audience, token := range byAudience {
		doc[audience] = map[string]string{"token": token, "expirationTimestamp": "2030-03-17T18:46:40Z"}
	}
	text, _ := json.Marshal(doc)
	return string(text)
}

func values(pairs ...string) map[string]secret.Value {
	m := map[string]secret.Value{}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = secret.NewValue([]byte(pairs[i+1]))
	}
	return m
}

// one is an objects parameter of one object with the given lines.
func one(lines ...string) string {
	return "array:\n  - |\n    " + strings.Join(lines, "\n    ") + "\n"
}

// list is an objects parameter of several secrets with these aliases.
func list(aliases ...string) string {
	var b strings.Builder
	b.WriteString("array:\n")
	for i, alias := range aliases {
		fmt.Fprintf(&b, "  - |\n    objectName: s%d\n    objectType: secret\n    objectAlias: %q\n", i, alias)
	}
	return b.String()
}

func decode(t *testing.T, in params.Input) params.Request {
	t.Helper()
	r, err := params.Decode(in)
	if err != nil {
		t.Fatalf("Decode: %v", fault.Explain(err))
	}
	return r
}

// refused decodes and holds that the error names what is wanted and shows nothing secret.
func refused(t *testing.T, in params.Input, want ...string) {
	t.Helper()
	_, err := params.Decode(in)
	if err == nil {
		t.Errorf("accepted, want %q", want)
		return
	}
	text := fault.Explain(err)
	for _, w := range want {
		if !strings.Contains(text, w) {
			t.Errorf("error %.600q lacks %q", text, w)
		}
	}
	if strings.Contains(text, planted) {
		t.Errorf("error shows a secret: %q", text)
	}
}
