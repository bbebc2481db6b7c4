package azure_test

import (
	"bytes"
	"crypto/x509"
	"strings"
	"testing"

	"strongroom/internal/azure/token"
	"strongroom/internal/fault"
	"strongroom/internal/provider"
	"strongroom/internal/provider/azure"
	"strongroom/internal/secret"
)

// The forms that the Key Vault FlexVolume wrote: a certificate's own bytes, and a secret as it is stored even where a
// certificate stands behind it and a node writes those apart.
func TestTheFormsOfTheFlexVolume(t *testing.T) {
	t.Parallel()
	n := newNode(t, func(c *azure.Config, _ *token.Config) { c.Split = true })
	req := n.request("secret/a")
	req.Attributes["objects"] = "array:\n- {objectName: tls, objectType: cert, objectAlias: tls.der, objectFormat: der}\n" +
		"- {objectName: tls, objectType: secret, objectFormat: raw}\n- {objectName: a, objectType: secret, objectFormat: raw}\n"
	signIn(&req)
	response := n.must(req)
	if _, err := x509.ParseCertificate([]byte(content(response, "tls.der"))); err != nil {
		t.Errorf("the certificate's bytes: %v", err)
	}
	if got := content(response, "tls"); got == "" || strings.Contains(content(response, "a"), "BEGIN") || len(response.Files) != 3 {
		t.Errorf("%d files", len(response.Files))
	}
	if content(response, "a") != planted+"-a" || bytes.Contains([]byte(content(response, "tls.crt")), []byte("BEGIN")) {
		t.Error("what is to stay as stored was shaped")
	}

	req.Attributes["objects"] = "array:\n- {objectName: k, objectType: key, objectFormat: modulus}\n"
	_, err := n.Mount(t.Context(), req)
	if fault.KindOf(err) != fault.Unsupported || !strings.Contains(err.Error(), "a key of type 'EC' has no modulus") {
		t.Errorf("an elliptic key has no modulus: %v", err)
	}
}

func signIn(r *provider.Request) {
	r.Secrets = map[string]secret.Value{"clientid": secret.NewValue([]byte(app)), "clientsecret": secret.NewValue([]byte("right " + planted))}
}
