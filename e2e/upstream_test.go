package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	authenticationv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	api "strongroom/api/provider/v1alpha1"
	"strongroom/e2e/azure"
	"strongroom/e2e/thirdparty"
)

// repeating is how upstream's driver has its calls repeated.
const repeating = `{"methodConfig":[{"name":[{"service":"v1alpha1.CSIDriverProvider"}],"waitForReady":true,"retryPolicy":
  {"maxAttempts":3,"initialBackoff":"1s","maxBackoff":"10s","backoffMultiplier":1.1,"retryableStatusCodes":["UNAVAILABLE"]}}]}`

// upstreamDriver is a connection to a provider as upstream's driver keeps one.
func upstreamDriver(t *testing.T, provider string) api.CSIDriverProviderClient {
	t.Helper()
	connection, err := grpc.NewClient("unix://"+thirdparty.Dir+"/"+provider+".sock", grpc.WithAuthority("localhost"),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultServiceConfig(repeating))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return api.NewCSIDriverProviderClient(connection)
}

// upstreamRequest is a mount as upstream's driver spells it: the class's parameters and the kubelet's attributes in one
// object, no Secret, and no version of what is mounted already.
func upstreamRequest(t *testing.T, ns, account string, parameters map[string]string) *api.MountRequest {
	t.Helper()
	const audience = "api://AzureADTokenExchange"
	token, err := cluster.Client.CoreV1().ServiceAccounts(ns).CreateToken(t.Context(), account,
		&authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{Audiences: []string{audience}}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	tokens := encode(t, map[string]any{audience: map[string]string{
		"token": token.Status.Token, "expirationTimestamp": token.Status.ExpirationTimestamp.UTC().Format(time.RFC3339)}})
	attributes := map[string]string{
		"csi.storage.k8s.io/ephemeral": "true", "csi.storage.k8s.io/pod.namespace": ns, "csi.storage.k8s.io/pod.name": "web",
		"csi.storage.k8s.io/pod.uid": "4b6f1f0a-95a4-4a56-8f4e-0f5b7f1c7a10", "csi.storage.k8s.io/serviceAccount.name": account,
		"csi.storage.k8s.io/serviceAccount.tokens": tokens, "secretProviderClass": "class",
	}
	maps.Copy(attributes, parameters)
	return &api.MountRequest{Attributes: encode(t, attributes), Secrets: "null", Permission: "420",
		TargetPath: "/var/lib/kubelet/pods/4b6f1f0a-95a4-4a56-8f4e-0f5b7f1c7a10/volumes/kubernetes.io~csi/class/mount"}
}

func encode(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Our provider serves upstream's driver, which knows nothing of ours: it gets files, modes and versions in the answer,
// what changed at the next call, and a refusal as an error.
func TestOurProviderServesUpstreamsDriver(t *testing.T) {
	t.Parallel()
	Install(t, Syncing)
	ns := Namespace(t)
	reader := Azure().Managed(t, ns+"/default")
	vault := Azure().Vault(t, reader)
	version := vault.Set(t, "secret1", "one")
	client := upstreamDriver(t, "azure")
	greeting, err := client.Version(Within(t, patience), &api.VersionRequest{Version: "v1alpha1"})
	if err != nil || greeting.Version != "v1alpha1" || greeting.RuntimeVersion == "" {
		t.Fatalf("%v, %v", greeting, err)
	}
	parameters := map[string]string{
		"keyvaultName": vault.Name, "tenantId": azure.Tenant, "clientID": reader.ClientID,
		"objects": "array:\n  - |\n    objectName: secret1\n    objectType: secret\n    filePermission: \"0600\"\n  - |\n    objectName: secret1\n    objectType: secret\n    objectAlias: dir/again\n",
	}
	request := upstreamRequest(t, ns, "default", parameters)
	for range 2 { // over one connection, as long as the driver lives
		response, err := client.Mount(Within(t, patience), request)
		if err != nil {
			t.Fatal(err)
		}
		answered(t, response, version, map[string]int32{"secret1": 0o600, "dir/again": 0o644}, "one")
	}
	version = vault.Set(t, "secret1", "two")
	var response *api.MountResponse
	Eventually(t, "the provider asks anew", func() error { // answers are shared for two seconds
		if response, err = client.Mount(Within(t, patience), request); err != nil {
			return err
		}
		if got := string(response.Files[0].Contents); got != "two" {
			return fmt.Errorf("it is %q", got)
		}
		return nil
	})
	answered(t, response, version, map[string]int32{"secret1": 0o600, "dir/again": 0o644}, "two")

	Account(t, ns, "stranger")
	_, err = client.Mount(Within(t, patience), upstreamRequest(t, ns, "stranger", parameters))
	if err == nil || !strings.Contains(err.Error(), "AADSTS") {
		t.Errorf("a stranger is answered %v", err)
	}
}

func answered(t *testing.T, r *api.MountResponse, version string, modes map[string]int32, text string) {
	t.Helper()
	if r.Error != nil || len(r.ObjectVersion) == 0 {
		t.Fatalf("%v, %d versions", r.Error, len(r.ObjectVersion))
	}
	for _, v := range r.ObjectVersion {
		if v.Version != version {
			t.Errorf("%s is of version %s, not %s", v.Id, v.Version, version)
		}
	}
	got := map[string]int32{}
	for _, f := range r.Files {
		got[f.Path] = f.Mode
		if string(f.Contents) != text {
			t.Errorf("%s is %q, not %q", f.Path, f.Contents, text)
		}
	}
	if !maps.Equal(got, modes) {
		t.Errorf("files %v, not %v", got, modes)
	}
}
