package e2e

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// metadataService is where pods and machines of Azure ask.
const metadataService = "http://169.254.169.254"

// tokenPath asks for a token to vaults; parameters that name an identity follow.
const tokenPath = "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net"

// reply is an answer of the metadata service, or of who stands in its place.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) String() string { return fmt.Sprintf("%d %.400s", r.status, r.body) }

// Curl asks for an address in a pod that has curl. Status 0 is no answer, and the body then what curl says.
func Curl(t testing.TB, namespace, pod, address string, arguments ...string) reply {
	t.Helper()
	arguments = append([]string{"--silent", "--show-error", "--include", "--max-time", "50"}, arguments...)
	out, err := Inside(t, namespace, pod, "/bin/curl", append(arguments, address)...)
	if err != nil {
		return reply{body: err.Error()}
	}
	response, err := http.ReadResponse(bufio.NewReader(strings.NewReader(out)), nil)
	if err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatalf("%q: %v", out, err)
	}
	return reply{response.StatusCode, response.Header, string(body)}
}

// AskMetadata asks the metadata service as a pod of Azure does.
func AskMetadata(t testing.TB, namespace, pod, path string) reply {
	t.Helper()
	return Curl(t, namespace, pod, metadataService+path, "--header", "Metadata: true")
}

// claims are what a token says.
type claims struct {
	ObjectID string `json:"oid"`
	ClientID string `json:"appid"`
	Audience string `json:"aud"`
}

// tokenOf reads the token of an answer of the token path.
func tokenOf(r reply) (c claims, err error) {
	bearer, err := bearerOf(r)
	if err != nil {
		return c, err
	}
	parts := strings.Split(bearer, ".")
	if len(parts) != 3 {
		return c, fmt.Errorf("no token: %.40q", bearer)
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return c, err
	}
	return c, json.Unmarshal(text, &c)
}

// bearerOf is the token itself, to show it to Azure.
func bearerOf(r reply) (string, error) {
	var body struct {
		Token string `json:"access_token"`
		Type  string `json:"token_type"`
	}
	if r.status != http.StatusOK {
		return "", fmt.Errorf("%s", r)
	}
	if err := json.Unmarshal([]byte(r.body), &body); err != nil {
		return "", err
	}
	if body.Type != "Bearer" {
		return "", fmt.Errorf("no token: %.40q of type %q", body.Token, body.Type)
	}
	return body.Token, nil
}

// AwaitToken asks until a pod gets the token of one identity, by object id. A token of anybody else fails the test.
func AwaitToken(t testing.TB, namespace, pod, query, objectID string) claims {
	t.Helper()
	var got claims
	Eventually(t, "a token of "+pod+query, func() (err error) {
		got, err = tokenOf(AskMetadata(t, namespace, pod, tokenPath+query))
		if err == nil && got.ObjectID != objectID {
			t.Fatalf("%s asked %q and got a token of %s, not of %s", pod, query, got.ObjectID, objectID)
		}
		return err
	})
	return got
}

// AwaitRefusal asks until a pod is refused with that status and words.
func AwaitRefusal(t testing.TB, namespace, pod, query string, status int, words ...string) {
	t.Helper()
	Eventually(t, "a refusal of "+pod+query, func() error {
		got := AskMetadata(t, namespace, pod, tokenPath+query)
		if got.status != status || !holdsAll(got.body, words) {
			return fmt.Errorf("%s, not %d with %q", got, status, words)
		}
		return nil
	})
}
