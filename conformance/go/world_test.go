// Package conformance drives the emulator with the unmodified management clients of the Azure SDK for Go.
package conformance

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/arm"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/runtime"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"
)

const (
	tenant       = "5b8f0a7c-1111-4c7e-9a55-aa00bb11cc22"
	owner        = "6c9d1b8e-2222-4d8f-8b66-bb11cc22dd33"
	controller   = "7d0e2c9f-3333-4e90-9c77-cc22dd33ee44"
	reader       = "8e1f3da0-4444-4fa1-8d88-dd33ee44ff55"
	subscription = "00000000-0000-0000-0000-000000000000"
	group        = "emulator"
	inGroup      = "/subscriptions/" + subscription + "/resourceGroups/" + group
	region       = "local"
)

type endpoints struct {
	Authority, ResourceManager, VaultSuffix, VaultResource, Control string
	IMDS                                                            map[string]string
}

// where reads what the emulator wrote down at its start. Without it the tests fail: one that does not run proves nothing.
func where(t *testing.T) endpoints {
	t.Helper()
	text, err := os.ReadFile(os.Getenv("ENDPOINTS"))
	if err != nil {
		t.Fatalf("%v; start these tests with conformance/go/run", err)
	}
	var e endpoints
	if err := json.Unmarshal(text, &e); err != nil {
		t.Fatal(err)
	}
	return e
}

func options(t *testing.T) azcore.ClientOptions {
	e := where(t)
	return azcore.ClientOptions{
		Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: e.Authority, Services: map[cloud.ServiceName]cloud.ServiceConfiguration{
			cloud.ResourceManager: {Endpoint: e.ResourceManager, Audience: "https://management.core.windows.net/"}}},
		Retry: policy.RetryOptions{MaxRetries: -1},
	}
}

func armOptions(t *testing.T) *arm.ClientOptions {
	return &arm.ClientOptions{ClientOptions: options(t)}
}

func as(t *testing.T, client string) azcore.TokenCredential {
	t.Helper()
	c, err := azidentity.NewClientSecretCredential(tenant, client, "right secret",
		&azidentity.ClientSecretCredentialOptions{ClientOptions: options(t), DisableInstanceDiscovery: true})
	return must(c, err)(t)
}

// must gives a value, or fails the test with the error that came in its place.
func must[T any](value T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// done waits for what takes a while.
func done[T any](poller *runtime.Poller[T], err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return must(poller.PollUntilDone(t.Context(), &runtime.PollUntilDoneOptions{Frequency: 10 * time.Millisecond}))(t)
	}
}

// all reads every page.
func all[T any](t *testing.T, pager *runtime.Pager[T]) (pages []T) {
	t.Helper()
	for pager.More() {
		pages = append(pages, must(pager.NextPage(t.Context()))(t))
	}
	return pages
}

// refused fails unless the error is an answer of that status and code.
func refused(t *testing.T, err error, status int, code string) {
	t.Helper()
	var answer *azcore.ResponseError
	if !errors.As(err, &answer) || answer.StatusCode != status || answer.ErrorCode != code {
		t.Errorf("got %v, want %d %s", err, status, code)
	}
}

// metadataSays is the client id that a node's metadata endpoint hands a token out for, or why it does not.
func metadataSays(t *testing.T, node, client string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		where(t).IMDS[node]+"/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https://vault.azure.net&client_id="+client, nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Metadata", "true")
	answer := must(http.DefaultClient.Do(request))(t)
	defer answer.Body.Close()
	var said struct {
		Client string `json:"client_id"`
		Error  string `json:"error_description"`
	}
	if err := json.Unmarshal(must(io.ReadAll(answer.Body))(t), &said); err != nil {
		t.Fatal(err)
	}
	return said.Client + said.Error
}
