package params_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"strongroom/internal/azure/params"
	"strongroom/internal/fault"
	"strongroom/internal/material"
	"strongroom/internal/secret"
)

func TestDecodeReadsTheDocumentedClass(t *testing.T) {
	t.Parallel()
	want := params.Request{
		Pod: secret.Pod{Namespace: "shop", Name: "web-0", UID: "u-1", ServiceAccount: "web"},
		Identity: params.Identity{
			Mode: secret.ManagedIdentity, ClientID: clientID,
			Why: `useVMManagedIdentity is "true" and userAssignedIdentityID names one of the node's identities`,
		},
		Tenant: tenantID, Vault: "kvname", CloudName: "AzurePublicCloud",
		Objects: []params.Object{
			{
				Object: secret.Object{Kind: secret.Secret, Name: "secret1"}, Path: "secret1",
				Format: material.PEM, Encoding: material.UTF8, Mode: 0o644,
			},
			{
				Object: secret.Object{Kind: secret.Key, Name: "key1"}, Path: "key1",
				Format: material.PEM, Encoding: material.UTF8, Mode: 0o644,
			},
		},
	}
	if diff := cmp.Diff(want, decode(t, valid())); diff != "" {
		t.Error(diff)
	}
}

func TestDecodeAccepts(t *testing.T) {
	t.Parallel()
	for _, m := range []struct {
		name   string
		change map[string]string
		check  func(params.Request) bool
	}{
		{"keys in any case", map[string]string{"keyvaultName": "", "KEYVAULTNAME": "other"},
			func(r params.Request) bool { return r.Vault == "other" }},
		{"spaces around values", map[string]string{"keyvaultName": " other\n"},
			func(r params.Request) bool { return r.Vault == "other" }},
		{"two spellings that agree", map[string]string{"KeyVaultName": "kvname "},
			func(r params.Request) bool { return r.Vault == "kvname" }},
		{"tenantID before tenantId", map[string]string{"tenantID": "contoso.onmicrosoft.com"},
			func(r params.Request) bool {
				return r.Tenant == "contoso.onmicrosoft.com" && noted(r, "tenantId is ignored")
			}},
		{"tenantId when tenantID is empty", map[string]string{"tenantID": " "},
			func(r params.Request) bool { return r.Tenant == tenantID && len(r.Notes) == 0 }},
		{"AD FS", map[string]string{"tenantId": "ADFS"},
			func(r params.Request) bool { return r.Tenant == "adfs" }},
		{"a cloud by alias", map[string]string{"cloudName": "azureusgovernment"},
			func(r params.Request) bool { return r.CloudName == "AzureUSGovernmentCloud" }},
		{"a custom cloud", map[string]string{"cloudName": "azurestackcloud", "cloudEnvFileName": "contoso.json"},
			func(r params.Request) bool {
				return r.CloudName == "AzureStackCloud" && r.CloudFile == "contoso.json" && r.CloudDir == ""
			}},
		{"a custom cloud by path", map[string]string{"cloudName": "AzureStackCloud", "cloudEnvFileName": "/etc/kubernetes/akscustom.json"},
			func(r params.Request) bool { return r.CloudFile == "akscustom.json" && r.CloudDir == "/etc/kubernetes" }},
		{"a file nobody reads", map[string]string{"cloudEnvFileName": "contoso.json"},
			func(r params.Request) bool { return r.CloudFile == "" && noted(r, "cloudEnvFileName has no effect") }},
		{"last known good", map[string]string{"lastKnownGood": "15m"},
			func(r params.Request) bool { return r.LastKnownGood == 15*time.Minute }},
		{"the driver's own parameter", map[string]string{"rotationPollInterval": "30s"},
			func(r params.Request) bool { return len(r.Notes) == 0 }},
		{"the driver's own parameter, misspelt", map[string]string{"rotationPolInterval": "30s"},
			func(r params.Request) bool { return noted(r, "did you mean rotationPollInterval?") }},
		{"parameters of earlier providers", map[string]string{"useManagedIdentity": "true", "resourceGroup": "rg", "subscriptionId": "x"},
			func(r params.Request) bool {
				return noted(r, "useManagedIdentity has no effect any more") && noted(r, "resourceGroup") && noted(r, "subscriptionId")
			}},
		{"an unknown parameter", map[string]string{"keyvaltName": "x"},
			func(r params.Request) bool { return noted(r, "keyvaltName is not known", "did you mean keyvaultName?") }},
		{"a foreign parameter", map[string]string{"colour": "red"},
			func(r params.Request) bool { return noted(r, "colour is not known") && !noted(r, "did you mean") }},
		{"upper-case booleans", map[string]string{"useVMManagedIdentity": "T", "usePodIdentity": "0"},
			func(r params.Request) bool { return r.Identity.Mode == secret.ManagedIdentity }},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			in := valid()
			for k, v := range m.change {
				in.Attributes[k] = v
			}
			if r := decode(t, in); !m.check(r) {
				t.Errorf("%+v", r)
			}
		})
	}
}

// noted reports whether one note holds all the texts.
func noted(r params.Request, texts ...string) bool {
next:
	for _, note := range r.Notes {
		for _, text := range texts {
			if !strings.Contains(note, text) {
				continue next
			}
		}
		return true
	}
	return false
}

func TestDecodeUsesTheOperatorsCloud(t *testing.T) {
	t.Parallel()
	in := valid()
	in.DefaultCloud = "AzureChinaCloud"
	if r := decode(t, in); r.CloudName != "AzureChinaCloud" {
		t.Error(r.CloudName)
	}
	in.DefaultCloud = "AzureStackCloud" // the operator has a file of his own
	if r := decode(t, in); r.CloudName != "AzureStackCloud" || r.CloudFile != "" {
		t.Error(r.CloudName, r.CloudFile)
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	for _, m := range []struct{ key, value, want string }{
		{"csi.storage.k8s.io/pod.name", "", "pod name is not provided"},
		{"csi.storage.k8s.io/pod.namespace", "", "pod namespace is not provided"},
		{"csi.storage.k8s.io/pod.namespace", "a:b", "pod namespace is not a Kubernetes name"},
		{"csi.storage.k8s.io/pod.name", "a\r\nb: c", "pod name is not a Kubernetes name"},
		{"usePodIdentity", "tru", `failed to parse usePodIdentity flag, error: strconv.ParseBool: parsing "tru": invalid syntax`},
		{"useVMManagedIdentity", "yes", `failed to parse useVMManagedIdentity flag, error: strconv.ParseBool: parsing "yes": invalid syntax`},
		{"useAzureTokenProxy", "2", "failed to parse useAzureTokenProxy flag"},
		{"usePodIdentity", "true", "only one identity mode can be enabled at a time: usePodIdentity, useVMManagedIdentity, or useAzureTokenProxy"},
		{"useAzureTokenProxy", "true", "only one identity mode can be enabled at a time"},
		{"userAssignedIdentityID", "/subscriptions/x/providers/y", "parameter userAssignedIdentityID: is not a client id"},
		{"keyvaultName", "", "keyvaultName is not provided"},
		{"keyvaultName", "ab", `failed to get vault: Invalid vault name: "ab", must be between 3 and 24 chars`},
		{"keyvaultName", strings.Repeat("a", 25), "must be between 3 and 24 chars"},
		{"keyvaultName", "my_vault", "must match [-a-zA-Z0-9]{3,24}"},
		{"keyvaultName", "evil.example/", "must match [-a-zA-Z0-9]{3,24}"},
		{"keyvaultName", "evil.example#", "must match"},
		{"keyvaultName", "user@evil", "must match"},
		{"keyvaultName", "-vault", "must match"},
		{"keyvaultName", "https://kvname.vault.azure.net/", "give the vault's name alone"},
		{"KeyvaultName", "another", "is given twice with different values, as keyvaultName and KeyvaultName"},
		{"TENANTID", "contoso.com", "parameter tenantID: is given twice"},
		{"tenantId", "", "tenantId is not provided"},
		{"tenantId", "11111111-2222-3333-4444-55555555555", "is neither a GUID nor a domain"},
		{"tenantId", "common", "is neither a GUID nor a domain"},
		{"tenantId", "a.b/../c", "is neither a GUID nor a domain"},
		{"cloudName", "AzureMoonCloud", "cloudName AzureMoonCloud is not valid, error: "},
		{"cloudName", "AzureStackCloud", "cloudEnvFileName"},
		{"lastKnownGood", "soon", `is not a duration: "soon"`},
		{"lastKnownGood", "-1m", "is not a duration"},
		{"objects", "", "objects is not set"},
		{"objects", " \n ", "objects is not set"},
		{"objects", "array: [", "failed to yaml unmarshal objects, error: yaml: "},
		{"objects", "just words", "failed to yaml unmarshal objects, error: yaml: "},
		{"objects", "objects: []", "failed to yaml unmarshal objects, error: yaml: there is no key array"},
		{"objects", "array: {a: b}", "failed to yaml unmarshal objects, error: yaml: array is not a list"},
		{"objects", "array: []", "names no object"},
		{"objects", "array:", "names no object"},
		{"objects", "array: [[]]", "unmarshal failed for keyVaultObjects at index 0, error: "},
		{"objects", "array: ['{']", "unmarshal failed for keyVaultObjects at index 0, error: "},
		{"objects", "array: ['a', 'b']", "unmarshal failed for keyVaultObjects at index 1, error: "},
	} {
		t.Run(m.key+"="+m.value, func(t *testing.T) {
			t.Parallel()
			in := valid()
			in.Attributes[m.key] = m.value
			refused(t, in, m.want)
		})
	}
}

func TestDecodeRefusesFilesOutsideTheOperatorsDirectory(t *testing.T) {
	t.Parallel()
	for _, file := range []string{
		"../etc/passwd", "a/b.json", "./a.json", "/etc/../a.json", "/etc//a.json", "..", ".", "/", "/etc/", `a\b`, "a\x00b", "a..b",
	} {
		in := valid()
		in.Attributes["cloudName"] = "AzureStackCloud"
		in.Attributes["cloudEnvFileName"] = file
		refused(t, in, "parameter cloudEnvFileName: must be the name of a file")
	}
}

func TestDecodeTellsEveryProblemAtOnce(t *testing.T) {
	t.Parallel()
	in := valid()
	in.Attributes["keyvaultName"] = "x"
	in.Attributes["tenantId"] = "y"
	in.Attributes["usePodIdentity"] = "maybe"
	in.Attributes["objects"] = one("objectName: a/b", "objectType: sercet", "filePermission: 0999", "objectFormat: der")
	refused(t, in,
		"parameter keyvaultName: ", "parameter tenantID: ", "parameter usePodIdentity: ",
		"objects[0].objectName (sercet/a/b): ", "objects[0].objectType (sercet/a/b): ",
		"objects[0].filePermission", "objects[0].objectFormat", "to mend: ")
}

func TestDecodeTellsOnlyAsMuchAsAnybodyReads(t *testing.T) {
	t.Parallel()
	in := valid()
	in.Attributes["objects"] = "[" + strings.Repeat("{objectName: '"+strings.Repeat("x/", 200)+"', objectType: "+strings.Repeat("y", 5000)+"},", 150) + "]"
	_, err := params.Decode(in)
	if text := fault.Explain(err); !strings.Contains(text, "250 more problems are not listed") || len(text) > 64<<10 {
		t.Errorf("%d bytes, %.200s", len(text), text)
	}
}
