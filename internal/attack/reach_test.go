package attack

import (
	"bytes"
	"compress/gzip"
	"context"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"strongroom/internal/provider"
	"strongroom/internal/secret"
)

// Names that mean something else in an address are refused before anybody is called.
func TestANameNeverBecomesAnAddress(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	for _, name := range []string{"a#b", "a@evil.example", "a%2fb", "a%2e%2e", "%2e%2e", `a\..\b`, "a b", "a:b", "a&b=c", "a;b", "\u212a", "\uff0e\uff0e", "a\u2215b"} {
		for what, class := range map[string]map[string]string{
			"object": parameters("array:\n  - {objectType: secret, objectName: " + quoted(name) + "}\n"),
			"vault":  parameters(secrets("a"), "keyvaultName", name),
		} {
			p := n.pod(class)
			if said := p.refused(p.mount(), codes.InvalidArgument); len(said) > 4<<10 {
				t.Errorf("%s %q: %d bytes said", what, name, len(said))
			}
		}
	}
	if list := n.azure.requests(); len(list) != 0 {
		t.Errorf("called: %v", list)
	}
}

func quoted(s string) string { return string(mustJSON(s)) }

// Neither class nor pod can name an authority, a proxy or a vault's host: what looks like it has no effect, and only the
// cloud's own addresses are called.
func TestNobodyButTheOperatorNamesAHost(t *testing.T) {
	t.Parallel()
	evil := newAzure(t)
	n := newNode(t, func(s *settings) { s.transport.CA = append(s.transport.CA, evil.ca...) })
	forged := map[string]string{}
	for _, key := range []string{
		"httpsProxy", "HTTPS_PROXY", "https_proxy", "proxy", "noProxy", "authority", "authorityHost", "AZURE_AUTHORITY_HOST", "activeDirectoryEndpoint",
		"keyVaultDNSSuffix", "keyvaultURL", "vaultUri", "resource", "imdsEndpoint", "IDENTITY_ENDPOINT", "nmiPort", "nmiEndpoint", "SSL_CERT_FILE",
	} {
		forged[key] = "https://evil.other.localhost:" + evil.port
	}
	class := parameters(secrets("a"))
	maps.Copy(class, forged)
	p := n.pod(class)
	maps.Copy(p.context, forged)
	p.mustMount()
	if got := p.files()["a"]; got != contentFor(web(tenant, client), "kv-one", "a") {
		t.Errorf("it holds %q", got)
	}
	if list := evil.requests(); len(list) != 0 {
		t.Errorf("it called: %v", list)
	}
}

// A small answer must not unpack into a large one: nobody asks for compressed answers, and what comes so is not unpacked.
func TestACompressedAnswerIsNotUnpacked(t *testing.T) {
	t.Parallel()
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	for range 64 {
		_, _ = w.Write(make([]byte, 1<<20))
	}
	must(t, w.Close())
	for _, kind := range []string{"secrets", "token"} {
		n := newNode(t)
		n.azure.on(only(kind, func(w http.ResponseWriter, r *http.Request) {
			if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				t.Error("it asked for a compressed answer")
			}
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(packed.Bytes())
		}))
		p := n.pod(parameters(secrets("a")))
		if said := p.refused(p.mount(), codes.Unavailable); !strings.Contains(said, "not the JSON of a") {
			t.Errorf("said: %s", said)
		}
	}
}

// While content is fetched, somebody with a hand in the target swaps it, or something in it, for a link elsewhere.
func TestATargetThatIsSwappedMidMountLeadsNowhere(t *testing.T) {
	t.Parallel()
	for name, swap := range map[string]func(target, outside string) error{
		"the target": func(target, outside string) error {
			return firstOf(os.Rename(target, target+".aside"), os.Symlink(outside, target))
		},
		"the set": func(target, outside string) error {
			return firstOf(os.Remove(filepath.Join(target, "..data")), os.Symlink(outside, filepath.Join(target, "..data")))
		},
		"a name": func(target, outside string) error {
			return firstOf(os.Remove(filepath.Join(target, "a")), os.Symlink(filepath.Join(outside, "precious"), filepath.Join(target, "a")))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			outside := t.TempDir()
			must(t, os.WriteFile(filepath.Join(outside, "precious"), []byte("kept"), 0o600))
			mounted := false
			n := newNode(t, func(s *settings) {
				s.provider = stranger(func(ctx context.Context, r provider.Request) (provider.Response, error) {
					if mounted {
						must(t, swap(r.Target, outside))
					}
					content := "first"
					if mounted {
						content = "second"
					}
					return giving(secret.File{Path: "a", Mode: 0o600, Contents: secret.NewValue([]byte(content))})(ctx, r)
				})
			})
			p := n.pod(map[string]string{"x": "y"})
			p.mustMount()
			mounted = true
			must(t, p.mount()) // what failed is told to the recorder
			entries, err := os.ReadDir(outside)
			must(t, err)
			content, err := os.ReadFile(filepath.Join(outside, "precious"))
			if err != nil || string(content) != "kept" || len(entries) != 1 {
				t.Errorf("outside: %q, %v, %v", content, entries, err)
			}
			p.unmount()
			if _, err := os.Stat(filepath.Join(outside, "precious")); err != nil {
				t.Error(err)
			}
		})
	}
}

func firstOf(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// A class that is deleted and made anew under its name while a pod mounts it gives that pod the one or the other, whole.
func TestAClassThatIsReplacedMidMountIsNeverMixed(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	asked, proceed := make(chan struct{}, 8), make(chan struct{})
	n.azure.on(func(kind string, _ http.ResponseWriter, _ *http.Request) bool {
		if kind == "token" {
			asked <- struct{}{}
			<-proceed
		}
		return false
	})
	p := n.pod(parameters(secrets("a", "b")))
	done := make(chan error, 1)
	go func() { done <- p.mount() }()
	<-asked
	n.reclass(p, parameters(secrets("c"), "keyvaultName", "kv-two"))
	close(proceed)
	must(t, <-done)
	if names := slices.Sorted(maps.Keys(p.files())); !slices.Equal(names, []string{"a", "b"}) {
		t.Errorf("mixed: %v", names)
	}
	p.mustMount()
	if files := p.files(); len(files) != 1 || files["c"] != contentFor(web(tenant, client), "kv-two", "c") {
		t.Errorf("afterwards: %v", files)
	}
}
