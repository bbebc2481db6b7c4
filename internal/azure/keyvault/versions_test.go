package keyvault_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"strongroom/internal/azure/keyvault"
	"strongroom/internal/fault"
	"strongroom/internal/secret"

	"github.com/google/go-cmp/cmp"
)

func TestVersions(t *testing.T) {
	t.Parallel()
	var s *server
	// Pages as Key Vault links them: with the default port where it is that, an empty one among them, null at the end.
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		next := func(marker string) string {
			return fmt.Sprintf(`"%s/secrets/db/versions?api-version=7.4&$skiptoken=%s&maxresults=25"`, s.URL, marker)
		}
		switch r.URL.Query().Get("$skiptoken") {
		case "":
			says(200, `{"value":[{"id":"https://v/secrets/db/aa","attributes":{"enabled":true,"created":1700000000}}],"nextLink":`+next("two%3D")+`}`)(w, r)
		case "two=":
			says(200, `{"value":[],"nextLink":`+next("three")+`}`)(w, r)
		default:
			says(200, `{"value":[{"id":"https://elsewhere/secrets/other/bb","attributes":{"enabled":false}}],"nextLink":null}`)(w, r)
		}
	})
	client, vault := vaultOf(t, s)
	calls := 0
	got, err := client.Versions(t.Context(), vault, token, secret.Secret, "db", func(context.Context) error { calls++; return nil })
	want := []keyvault.VersionItem{{Version: "aa", Enabled: true, Created: time.Unix(1700000000, 0).UTC()}, {Version: "bb"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v %s", err, diff)
	}
	seen := s.requests()
	if calls != 3 || len(seen) != 3 {
		t.Fatalf("counted %d, seen %d", calls, len(seen))
	}
	for i, want := range []string{
		"/secrets/db/versions?api-version=7.4",
		"/secrets/db/versions?api-version=7.4&$skiptoken=two%3D&maxresults=25",
		"/secrets/db/versions?api-version=7.4&$skiptoken=three&maxresults=25",
	} {
		if seen[i].RequestURI != want || seen[i].Header.Get("Authorization") == "" {
			t.Errorf("page %d: %s", i, seen[i].RequestURI)
		}
	}
}

func TestVersionsOfEveryKind(t *testing.T) {
	t.Parallel()
	for kind, item := range map[secret.Kind]string{
		secret.Secret:      `"id":"https://v/secrets/x/1"`,
		secret.Key:         `"kid":"https://v/keys/x/1"`,
		secret.Certificate: `"id":"https://v/certificates/x/1","x5t":"y"`,
	} {
		s := serve(t, says(200, `{"value":[{`+item+`}]}`))
		client, vault := vaultOf(t, s)
		got, err := client.Versions(t.Context(), vault, token, kind, "x", nil)
		if err != nil || len(got) != 1 || got[0].Version != "1" || !got[0].Enabled {
			t.Errorf("%s: %v, %v", kind, got, err)
		}
		area := map[secret.Kind]string{secret.Secret: "secrets", secret.Key: "keys", secret.Certificate: "certificates"}[kind]
		if r := s.only(t); r.RequestURI != "/"+area+"/x/versions?api-version=7.4" {
			t.Error(r.RequestURI)
		}
	}
}

func TestDefaultPortInALinkIsTheVaultsOwn(t *testing.T) {
	t.Parallel()
	for host, own := range map[string]bool{
		"https://v.vault.azure.net:443":  true,
		"https://V.vault.azure.net":      true,
		"http://v.vault.azure.net":       false,
		"https://v.vault.azure.net:8443": false,
		"https://v.vault.azure.net.evil": false,
		"https://v.vault.azure.net@evil": false,
		"https://u@v.vault.azure.net":    false,
		"//v.vault.azure.net":            false,
		"":                               false,
	} {
		vault, err := keyvault.ParseVault("https://v.vault.azure.net")
		if err != nil {
			t.Fatal(err)
		}
		asked := 0
		client := keyvault.New(keyvault.Config{HTTP: &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			asked++
			if r.URL.Host != "v.vault.azure.net" {
				t.Errorf("%s: asked %s", host, r.URL.Host)
			}
			link := ""
			if asked == 1 {
				link = host + "/secrets/db/versions?page=2"
			}
			return answer(r, `{"value":[],"nextLink":"`+link+`"}`), nil
		})}})
		_, err = client.Versions(t.Context(), vault, token, secret.Secret, "db", nil)
		if own != (err == nil) || own != (asked == 2) {
			t.Errorf("%s: asked %d times, %v", host, asked, err)
		}
	}
}

// roundTrip is an http.RoundTripper without a network.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestNextPageElsewhereGetsNoRequest(t *testing.T) {
	t.Parallel()
	thief := serve(t, says(200, `{"value":[]}`))
	s := serve(t, says(200, `{"value":[{"id":"https://v/secrets/db/1"}],"nextLink":"`+thief.URL+`/secrets/db/versions?api-version=7.4"}`))
	client, vault := vaultOf(t, s, thief)
	refused(t, readVersions(t.Context(), client, vault, "db", ""), fault.Unavailable, "secret/db", "another host, which is never followed")
	s.only(t)
	if n := len(thief.requests()); n != 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

func TestPagesWithoutEnd(t *testing.T) {
	t.Parallel()
	page := 0
	var s *server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		page++
		says(200, fmt.Sprintf(`{"value":[],"nextLink":"%s/secrets/db/versions?page=%d"}`, s.URL, page))(w, r)
	})
	client, vault := vaultOf(t, s)
	refused(t, readVersions(t.Context(), client, vault, "db", ""), fault.Unsupported, "more than 5 pages", "objectVersionHistory")
	if n := len(s.requests()); n != 5 {
		t.Errorf("%d requests", n)
	}

	s.answer = func(w http.ResponseWriter, r *http.Request) {
		says(200, fmt.Sprintf(`{"value":[],"nextLink":"%s/secrets/db/versions?page=again"}`, s.URL))(w, r)
	}
	refused(t, readVersions(t.Context(), client, vault, "db", ""), fault.Unavailable, "comes back to a page")
	if n := len(s.requests()); n != 7 {
		t.Errorf("%d requests after the loop", n-5)
	}

	s.answer = func(w http.ResponseWriter, r *http.Request) {
		item := `{"id":"https://v/secrets/db/1"}`
		says(200, fmt.Sprintf(`{"value":[%s],"nextLink":"%s/secrets/db/versions?more"}`, strings.Repeat(item+",", 200)+item, s.URL))(w, r)
	}
	refused(t, readVersions(t.Context(), client, vault, "db", ""), fault.Unsupported, "more than 5 pages")
}

func TestABudgetEndsAList(t *testing.T) {
	t.Parallel()
	s := serve(t, says(200, `{"value":[]}`))
	client, vault := vaultOf(t, s)
	spent := errors.New("budget spent")
	if _, err := client.Versions(t.Context(), vault, token, secret.Secret, "db", func(context.Context) error { return spent }); !errors.Is(err, spent) {
		t.Errorf("got %v", err)
	}
	if n := len(s.requests()); n != 0 {
		t.Errorf("%d requests", n)
	}
}
