package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"strongroom/api/secretsstore"
	"strongroom/internal/emulator"
	"strongroom/internal/emulator/state"
	"strongroom/internal/provider"
)

// latency is how long the emulator lets every answer wait.
const latency = 20 * time.Millisecond

const (
	tenant = "0f9a1c3e-8a47-4b0d-9e51-6c7b8d9e0f10"
	client = "0b1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c01"
	opener = "0c1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c02" // only opens connections
	most   = 20                                     // identities, as many as one application may have federated
)

// azure is an emulator with one application that every ServiceAccount of the bench may be.
type azure struct {
	emulator *emulator.Emulator
	dir      string
}

// during does the work beside an emulator of that state with those faults.
func during(ctx context.Context, text string, faults []emulator.Fault, work func(context.Context, *azure) error) error {
	document, err := state.Parse([]byte(text), os.DirFS("/"))
	if err != nil {
		return err
	}
	em, err := emulator.New(emulator.Config{Document: document})
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "strongroom-bench-azure-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	a := &azure{emulator: em, dir: dir}
	for name, content := range map[string][]byte{"ca.pem": em.CA(), "cloud.json": em.CloudFile()} {
		if err := os.WriteFile(dir+"/"+name, content, 0o600); err != nil {
			return err
		}
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var group errgroup.Group
	group.Go(func() error { return em.Run(ctx) })
	if err = em.SetFaults(faults); err == nil {
		err = work(ctx, a)
	}
	stop()
	if ended := group.Wait(); err == nil {
		return ended
	}
	return err
}

// slow makes every answer of a vault, or of the token authority, late.
func slow() []emulator.Fault {
	return []emulator.Fault{{Service: "keyvault", Latency: latency}, {Service: "entra", Latency: latency}}
}

// stateOf has an application with a federated credential for each identity, and a vault with as many secrets as asked.
func stateOf(secrets int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "tenants: [{id: %s, domain: bench.example}]\napplications:\n- name: app\n  clientId: %s\n"+
		"  secrets: [{name: one, value: bench, expires: 2100-01-01T00:00:00Z}]\n  federatedCredentials:\n", tenant, client)
	for i := range most {
		fmt.Fprintf(&b, "  - {name: sa%d, subject: \"system:serviceaccount:bench:sa%d\"}\n", i, i)
	}
	fmt.Fprintf(&b, "- name: opener\n  clientId: %s\n  federatedCredentials: [{name: sa0, subject: \"system:serviceaccount:bench:sa0\"}]\n", opener)
	b.WriteString("vaults:\n- name: bench-kv\n  policies: [{principal: app, secrets: [get]}]\n  objects:\n")
	for i := range secrets {
		fmt.Fprintf(&b, "  - {kind: secret, name: s%d, versions: [{value: value-%d}]}\n", i, i)
	}
	return b.String()
}

// request is what the driver sends for a pod of one of the identities.
func (a *azure) request(identity, objects int) (provider.Request, error) {
	account := fmt.Sprintf("sa%d", identity)
	const audience = "api://AzureADTokenExchange"
	token, expires, err := a.emulator.ServiceAccountToken("bench", account, audience, time.Hour)
	if err != nil {
		return provider.Request{}, err
	}
	tokens, err := json.Marshal(map[string]map[string]string{audience: {"token": token, "expirationTimestamp": expires.Format(time.RFC3339)}})
	if err != nil {
		return provider.Request{}, err
	}
	var list strings.Builder
	list.WriteString("array:\n")
	for i := range objects {
		fmt.Fprintf(&list, "  - |\n    objectName: s%d\n    objectType: secret\n", i)
	}
	return provider.Request{
		Attributes: map[string]string{
			"keyvaultName": "bench-kv", "clientID": client, "tenantId": tenant, "objects": list.String(),
			secretsstore.AttrPodName: "pod", secretsstore.AttrPodNamespace: "bench", secretsstore.AttrPodUID: "uid",
			secretsstore.AttrServiceAccount: account, secretsstore.AttrServiceAccountToken: string(tokens),
		},
		Target: "/bench", Mode: 0o644,
	}, nil
}
