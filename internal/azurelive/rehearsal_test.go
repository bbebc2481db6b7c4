//go:build azurelive

package azurelive

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"strongroom/internal/emulator"
	"strongroom/internal/emulator/state"
)

// rehearsal runs the tests while an emulator serves, with the settings that somebody with a vault would make.
func rehearsal(tests func() int) (code int) {
	dir, err := os.MkdirTemp("", "strongroom-live-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	text, err := os.ReadFile(filepath.Join("testdata", "rehearsal.yaml"))
	if err != nil {
		panic(err)
	}
	document, err := state.Parse(text, os.DirFS("testdata"))
	if err != nil {
		panic(err)
	}
	azure, err := emulator.New(emulator.Config{Document: document})
	if err != nil {
		panic(err)
	}
	settle(azure, dir)
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- azure.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}()
	return tests()
}

// settle writes the files and sets the variables; the ids are those of testdata/rehearsal.yaml.
func settle(azure *emulator.Emulator, dir string) {
	ends := azure.Endpoints()
	proxy, err := url.Parse(ends.TokenProxy)
	if err != nil {
		panic(err)
	}
	file := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			panic(err)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			panic(err)
		}
		return path
	}
	token := func(audience string) []byte {
		raw, _, err := azure.ServiceAccountToken("default", "default", audience, time.Hour)
		if err != nil {
			panic(err)
		}
		return []byte(raw)
	}
	ca := file("ca.pem", azure.CA())
	file("principal/clientid", []byte("9b1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c01"))
	file("principal/clientsecret", []byte("demo only: 3fK!c9"))
	for name, value := range map[string]string{
		vaultName: "kvname", tenant: "2f6d1c3e-8a47-4b0d-9e51-6c7b8d9e0f10", cloudName: "",
		secretName: "secret1", keyName: "key1", certName: "cert1",
		workload: "9b1f0c5e-3a52-4d7a-8c11-2e4f6a8b0c01", workloadToken: file("workload", token("api://AzureADTokenExchange")),
		binding: "4c8e2a6f-1d3b-4f5a-9e70-b1c2d3e4f502", bindingToken: file("binding", token("api://AKSIdentityBinding")),
		principal: filepath.Join(dir, "principal"), managed: "4c8e2a6f-1d3b-4f5a-9e70-b1c2d3e4f502",
		extraFlags: fmt.Sprintf("--ca-file %s --cloud-file %s --imds-endpoint %s --token-proxy-url %s --token-proxy-ca-file %s --sni-name %s",
			ca, file("cloud.json", azure.CloudFile()), ends.IMDS["node-1"], ends.TokenProxy, ca, proxy.Hostname()),
	} {
		if err := os.Setenv(name, value); err != nil {
			panic(err)
		}
	}
}
