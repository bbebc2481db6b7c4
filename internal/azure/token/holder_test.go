package token_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"strongroom/internal/azure/token"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

func TestHolderOf(t *testing.T) {
	t.Parallel()
	jwtOf := func(claims string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(claims)) + ".c2ln"
	}
	for text, want := range map[string]token.Holder{
		jwtOf(`{"oid":"o","tid":"t","appid":"a","x":[1]}`): {ObjectID: "o", TenantID: "t", ClientID: "a"},
		jwtOf(`{"oid":"o","azp":"z"}`):                     {ObjectID: "o", ClientID: "z"},
		jwtOf(`{}`):                                        {},
	} {
		if got, ok := token.HolderOf(secret.NewValue([]byte(text))); !ok || got != want {
			t.Errorf("%s: %+v %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "opaque", "a.b", "a.!.c", jwtOf(`[]`), jwtOf(`{"oid":1}`), "a." + base64.RawURLEncoding.EncodeToString([]byte("{}")) + ".c.d"} {
		if got, ok := token.HolderOf(secret.NewValue([]byte(text))); ok || got != (token.Holder{}) {
			t.Errorf("%q: %+v", text, got)
		}
	}
}

// By resource id the client id is not sent, and is told only when the metadata service tells it.
func TestManagedByResourceID(t *testing.T) {
	t.Parallel()
	const id = "/subscriptions/s/resourceGroups/g/providers/Microsoft.ManagedIdentity/userAssignedIdentities/web"
	s := plain(t, says(200, strings.Replace(goodToken, "{", `{"not_before":"1893553445",`, 1)))
	client, _ := newClient(t, nil, s)
	got, err := client.Managed(t.Context(), token.Target{ClientID: clientID, ResourceID: id, Resource: vault})
	if err != nil || got.ClientID != "" || !got.NotBefore.Equal(time.Unix(1893553445, 0)) {
		t.Errorf("%+v, %v", got, err)
	}
	r, _ := s.only(t)
	if q := r.URL.Query(); q.Get("msi_res_id") != id || q.Has("client_id") {
		t.Errorf("asked %v", q)
	}
	s = plain(t, says(400, `{"error":"invalid_request","error_description":"Identity not found"}`))
	client, _ = newClient(t, nil, s)
	_, err = client.Managed(t.Context(), token.Target{ResourceID: id, Resource: vault})
	if text := fault.Explain(err); !strings.Contains(text, "managed identity "+id) || !strings.Contains(text, "--identities "+id) {
		t.Error(text)
	}
}

// A token that is handed on is asked for without the promise to answer claims challenges, and a refusal names the place
// where the credential is kept.
func TestTokensForOthers(t *testing.T) {
	t.Parallel()
	s := secure(t, says(200, goodToken))
	client, _ := newClient(t, s, nil)
	target := target(s)
	target.Handed = true
	if _, err := client.ClientSecret(t.Context(), target, secret.NewValue([]byte("x"))); err != nil {
		t.Fatal(err)
	}
	_, body := s.only(t)
	if form, err := url.ParseQuery(body); err != nil || form.Has("claims") {
		t.Errorf("asked %s", body)
	}
	s = secure(t, says(401, `{"error":"invalid_client","error_description":"AADSTS7000215: Invalid client secret provided.","error_codes":[7000215]}`))
	client, _ = newClient(t, s, nil)
	target.Authority, target.Kept = s.URL, "Secret shop/creds"
	_, err := client.ClientSecret(t.Context(), target, secret.NewValue([]byte("x")))
	if text := fault.Explain(err); !strings.Contains(text, "into Secret shop/creds;") || strings.Contains(text, "nodePublishSecretRef") {
		t.Error(text)
	}
}
