package cli

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"time"

	"strongroom/api/secretsstore"
	"strongroom/internal/azure/cloud"
	"strongroom/internal/azure/params"
	"strongroom/internal/secret"
)

// providerName is the name classes give to our provider.
const providerName = "azure"

// decodeWithStandIns judges a class by itself: pod, tokens and credential are made up, of the shape a kubelet would
// send. Nothing of them leaves this process.
func decodeWithStandIns(class secretsstore.Class, cloudName string, split bool) (params.Request, error) {
	return params.Decode(params.Input{
		Attributes:   withStandIns(class.Spec.Parameters),
		Secrets:      map[string]secret.Value{"clientid": secret.NewValue([]byte("stand-in")), "clientsecret": secret.NewValue([]byte("stand-in"))},
		Mode:         0o644,
		DefaultCloud: cloudName,
		Split:        split,
	})
}

func withStandIns(parameters map[string]string) map[string]string {
	attributes := map[string]string{
		secretsstore.AttrPodName: "check", secretsstore.AttrPodNamespace: "default",
		secretsstore.AttrServiceAccount: "default",
	}
	tokens := map[string]map[string]string{}
	for _, audience := range []string{cloud.PublicExchangeAudience, cloud.PublicExchangeAudience + "China", cloud.PublicExchangeAudience + "USGov", bindingAudience} {
		tokens[audience] = map[string]string{"token": standInToken(audience), "expirationTimestamp": time.Now().Add(time.Hour).UTC().Format(time.RFC3339)}
	}
	text, _ := json.Marshal(tokens)
	attributes[secretsstore.AttrServiceAccountToken] = string(text)
	for key, value := range parameters {
		if !strings.HasPrefix(key, secretsstore.KubeletPrefix) {
			attributes[key] = value
		}
	}
	return attributes
}

func standInToken(audience string) string {
	claims, _ := json.Marshal(map[string]any{
		"iss": "https://stand-in.invalid", "sub": "system:serviceaccount:default:default",
		"aud": []string{audience}, "exp": time.Now().Add(time.Hour).Unix(),
	})
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(`{"alg":"none"}`)) + "." + encode(claims) + "." + encode([]byte("not signed"))
}

// standsIn says what plays a part of the cluster for a mode, where an emulator is used.
func standsIn(mode secret.Mode) string {
	switch mode {
	case secret.WorkloadIdentity, secret.IdentityBinding:
		return "the emulator plays the cluster's service account token issuer"
	case secret.ManagedIdentity:
		return "the emulator plays the node's metadata service (IMDS)"
	case secret.PodIdentity:
		return "the emulator plays NMI's host endpoint"
	case secret.ServicePrincipal:
		return "the demo's own client id and secret play the Secret of nodePublishSecretRef"
	}
	return ""
}

// demoCredential is what nodePublishSecretRef's Secret would hold: the demo application's, as demo.yaml has it.
func demoCredential() map[string]secret.Value {
	return map[string]secret.Value{
		"clientid":     secret.NewValue([]byte("9b1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c01")),
		"clientsecret": secret.NewValue([]byte("demo only: 3fK!c9")),
	}
}
