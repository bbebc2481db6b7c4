package flexvolume

import (
	"strings"
	"testing"

	"strongroom/api/secretsstore"
	"strongroom/internal/azure/params"
	"strongroom/internal/fault"
	"strongroom/internal/material"
	"strongroom/internal/secret"
)

// decode reads a call's class as the provider will.
func decode(t *testing.T, call Call) (params.Request, error) {
	t.Helper()
	attributes := call.class().Spec.Parameters
	attributes[secretsstore.AttrPodName], attributes[secretsstore.AttrPodNamespace] = call.Pod.Name, call.Pod.Namespace
	return params.Decode(params.Input{Attributes: attributes, Secrets: call.Secrets, Mode: 0o644})
}

func TestAClassAsksForTheSame(t *testing.T) {
	t.Parallel()
	call, err := read(valid("keyvaultname", "my-vault", "keyvaultobjectnames", "db;k;c", "keyvaultobjecttypes", "secret;key;cert",
		"keyvaultobjectaliases", `# a: "b";k;- |`, "keyvaultobjectversions", "0123;;", "cloudname", "AZUREUSGOVERNMENTCLOUD", keyGroup, "7"))
	if err != nil {
		t.Fatal(err)
	}
	request, err := decode(t, call)
	if err != nil {
		t.Fatal(err)
	}
	want := []params.Object{
		{Object: secret.Object{Kind: secret.Secret, Name: "db", Version: "0123"}, Path: `# a: "b"`, Format: material.Raw, Encoding: material.UTF8, Mode: 0o640},
		{Object: secret.Object{Kind: secret.Key, Name: "k"}, Path: "k", Format: material.PEM, Encoding: material.UTF8, Mode: 0o640},
		{Object: secret.Object{Kind: secret.Certificate, Name: "c"}, Path: "- |", Format: material.DER, Encoding: material.UTF8, Mode: 0o640},
	}
	for i := range want {
		if i >= len(request.Objects) || request.Objects[i] != want[i] {
			t.Errorf("%+v, want %+v", request.Objects, want)
		}
	}
	if request.CloudName != "AzureUSGovernmentCloud" || request.Identity.Mode != secret.ServicePrincipal || len(request.Notes) > 0 {
		t.Errorf("%+v", request)
	}
	for _, mode := range []struct {
		pairs []string
		want  secret.Mode
	}{
		{[]string{"usepodidentity", "true"}, secret.PodIdentity},
		{[]string{"usevmmanagedidentity", "true", "vmmanagedidentityclientid", "4c8e2a6f-1d3b-4f5a-9e70-b1c2d3e4f502"}, secret.ManagedIdentity},
		{[]string{"usevmmanagedidentity", "true"}, secret.ManagedIdentity},
	} {
		call, err := read(valid(append(mode.pairs, "keyvaultname", "my-vault")...))
		if err != nil {
			t.Fatal(err)
		}
		request, err := decode(t, call)
		if err != nil || request.Identity.Mode != mode.want || request.Identity.ClientID != call.Client {
			t.Errorf("%+v, %v", request.Identity, err)
		}
	}
}

// A vault's name that leads a token elsewhere, and whatever else the provider refuses, is refused here too. What an
// author wrote cannot become another field of the class.
func TestTheProvidersChecksHold(t *testing.T) {
	t.Parallel()
	for _, pairs := range [][]string{
		{"keyvaultname", "evil.example/#"}, {"keyvaultname", "a@evil"}, {"keyvaultname", "ab"}, {"keyvaultname", "kv.evil.example"},
		{"keyvaultname", "my-vault", "tenantid", "a/../b"}, {"keyvaultname", "my-vault", "cloudname", "AzureMoonCloud"},
		{"keyvaultname", "my-vault", "keyvaultobjectnames", "a\nobjectAlias: ../x", "keyvaultobjectaliases", "x"},
		{"keyvaultname", "my-vault", "keyvaultobjectversions", "../../keys/k"},
		{"keyvaultname", "my-vault", "filepermission", "0888"},
		{"keyvaultname", "my-vault", "usevmmanagedidentity", "true", "vmmanagedidentityclientid", "/subscriptions/x"},
	} {
		call, err := read(valid(pairs...))
		if err == nil {
			_, err = decode(t, call)
		}
		if err == nil || fault.KindOf(err) != fault.Invalid {
			t.Errorf("%q: %v", pairs, err)
		}
	}
}

// Each of the original's clouds is known by its name, in any case.
func TestTheOriginalsCloudsAreKnown(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"AzurePublicCloud", "AzureChinaCloud", "AzureGermanCloud", "AzureUSGovernmentCloud"} {
		call, err := read(valid("keyvaultname", "my-vault", "cloudname", strings.ToLower(name)))
		if err != nil {
			t.Fatal(err)
		}
		if request, err := decode(t, call); err != nil || request.CloudName != name {
			t.Errorf("%s: %q, %v", name, request.CloudName, err)
		}
	}
}
