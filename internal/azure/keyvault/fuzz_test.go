package keyvault_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"strongroom/internal/azure/anyanswer"
	"strongroom/internal/azure/keyvault"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Whatever a vault answers, its token goes to no other host, lists end, versions can stand in a path, and an error is one
// line without the token or the value.
//
//fuzz:share 5
func FuzzAnswers(f *testing.F) {
	const id = "https://kv.vault.test/secrets/a/0123456789abcdef0123456789abcdef"
	f.Add(200, `{"value":"x","id":"`+id+`","attributes":{"exp":1}}`, "", "")
	f.Add(200, `{"key":{"kid":"`+id+`","kty":"RSA","n":"AQ==","e":"AQ"}}`, "", "")
	f.Add(200, `{"id":"`+id+`/..","cer":"MAA="}`, "", "")
	f.Add(200, `{"value":[{"id":"`+id+`","attributes":{"created":9223372036854775807}}],"nextLink":"https://kv.vault.test:443/secrets/a/versions?$skiptoken=`, `"}`, "")
	f.Add(200, `{"value":[],"nextLink":"https://kv.vault.test@elsewhere.example/`, `"}`, "")
	f.Add(200, `{"value":[],"nextLink":"//elsewhere.example`, `"}`, "")
	f.Add(403, `{"error":{"code":"Forbidden","message":"caller `, ` \r\n","innererror":{"code":"ForbiddenByPolicy"}}}`, "")
	f.Add(401, "", "", `Bearer error="insufficient_claims", claims="eyJhIjoxfQ=="`)
	f.Add(429, "x", "", "")
	f.Add(307, "", "", "")
	f.Fuzz(func(t *testing.T, status int, before, after, challenge string) {
		if status < 200 || status > 999 {
			return
		}
		ways := &anyanswer.Server{Status: status, Body: before + after, Header: http.Header{
			"Www-Authenticate": {challenge}, "Retry-After": {after}, "X-Ms-Request-Id": {after}, "Location": {"https://elsewhere.example/"},
		}}
		if status >= 400 {
			ways.Body = before + bearer + after
		}
		c := keyvault.New(keyvault.Config{HTTP: ways.Client(), Clock: clock.NewFake(), MaxPages: 3})
		v, err := keyvault.ParseVault("https://kv.vault.test")
		if err != nil {
			t.Fatal(err)
		}
		ctx := context.Background()
		one, err := c.Secret(ctx, v, token, "a", "")
		judge(t, one.Version, one.ID, err)
		two, err := c.Key(ctx, v, token, "a", "")
		judge(t, two.Version, two.KID, err)
		three, err := c.Certificate(ctx, v, token, "a", "")
		judge(t, three.Version, three.ID, err)
		before4 := len(ways.Asked)
		list, err := c.Versions(ctx, v, token, secret.Secret, "a", nil)
		if err != nil {
			judge(t, "", "", err)
		}
		for _, item := range list {
			judge(t, item.Version, v.String()+"/", nil)
		}
		if n := len(ways.Asked) - before4; n > 3 {
			t.Fatalf("%d pages", n)
		}
		for _, host := range ways.Asked {
			if host != "https://kv.vault.test" {
				t.Fatalf("%s was asked", host)
			}
		}
	})
}

func judge(t *testing.T, version, id string, err error) {
	t.Helper()
	if err == nil {
		if version == "" || strings.ContainsAny(version, "/\\ \n") || strings.HasPrefix(version, ".") || !strings.HasPrefix(id, "https://kv.vault.test/") {
			t.Fatalf("version %q of %q", version, id)
		}
		return
	}
	anyanswer.Refused(t, err, bearer, 4096)
}

// An address that is taken as a vault's is a host and perhaps a port, and reads the same again.
func FuzzParseVault(f *testing.F) {
	for _, address := range []string{"https://kv.vault.azure.net", "https://KV.vault.azure.net:443/", "https://a@b", "https://[::1]:8443", "http://x", "https://a?b", "https://:443"} {
		f.Add(address)
	}
	f.Fuzz(func(t *testing.T, address string) {
		v, err := keyvault.ParseVault(address)
		if err != nil {
			if v != (keyvault.Vault{}) || fault.KindOf(err) != fault.Invalid {
				t.Errorf("%v beside %v", v, err)
			}
			return
		}
		again, err := keyvault.ParseVault(v.String())
		if err != nil || again != v || strings.ContainsAny(strings.TrimPrefix(v.String(), "https://"), "/?#@ ") {
			t.Errorf("%q reads back as %q, %v", v, again, err)
		}
	})
}
