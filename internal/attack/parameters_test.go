package attack

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/grpc/codes"

	"strongroom/internal/provider/azure"
)

// bomb is YAML whose aliases would multiply to 9^9 entries.
func bomb() string {
	var b strings.Builder
	b.WriteString("a0: &a0 [x,x,x,x,x,x,x,x,x]\n")
	for i := 1; i < 9; i++ {
		fmt.Fprintf(&b, "a%d: &a%d [%s]\n", i, i, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*a%d,", i-1), 9), ","))
	}
	return b.String() + "array: *a8\n"
}

func TestAHostileClassIsRefusedBeforeAnyCall(t *testing.T) {
	t.Parallel()
	alias := func(a string) string { return secrets("a,objectAlias: " + fmt.Sprintf("%q", a)) }
	deep := strings.Repeat("d/", 70) + "f"
	for name, class := range map[string]map[string]string{
		"a vault with a host":             parameters(secrets("a"), "keyvaultName", "evil.example/x"),
		"a vault with a fragment":         parameters(secrets("a"), "keyvaultName", "evil.example#"),
		"a vault with a user":             parameters(secrets("a"), "keyvaultName", "x@evil.example"),
		"a vault with a port":             parameters(secrets("a"), "keyvaultName", "evil:443"),
		"a vault with a dot":              parameters(secrets("a"), "keyvaultName", "evil.kv"),
		"a vault with a backslash":        parameters(secrets("a"), "keyvaultName", `evil\kv`),
		"a vault with an encoded slash":   parameters(secrets("a"), "keyvaultName", "evil%2fkv"),
		"a vault with a line break":       parameters(secrets("a"), "keyvaultName", "evil\nkv"),
		"a vault of other scripts":        parameters(secrets("a"), "keyvaultName", "kv‥оne"),
		"a vault with a full-width dot":   parameters(secrets("a"), "keyvaultName", "evil．kv"),
		"a vault that begins with a dash": parameters(secrets("a"), "keyvaultName", "-kv"),
		"a tenant with a path":            parameters(secrets("a"), "tenantId", "common/../evil"),
		"a tenant with a query":           parameters(secrets("a"), "tenantId", tenant+"?x"),
		"a tenant with a host":            parameters(secrets("a"), "tenantId", "/@evil.example"),
		"a tenant of dots":                parameters(secrets("a"), "tenantId", ".."),
		"two tenants":                     parameters(secrets("a"), "TENANTID", "22222222-2222-3333-4444-555555555555"),
		"two vaults":                      parameters(secrets("a"), "KeyVaultName", "kv-two"),
		"a client with a resource id":     parameters(secrets("a"), "clientID", "/subscriptions/x/resourceGroups/y"),
		"a client with a line break":      parameters(secrets("a"), "clientID", client+"\r\nX: y"),
		"a cloud nobody knows":            parameters(secrets("a"), "cloudName", "https://evil.example"),
		"a cloud file that climbs":        parameters(secrets("a"), "cloudName", "AzureStackCloud", "cloudEnvFileName", "../cloud.json"),
		"a cloud file that climbs back":   parameters(secrets("a"), "cloudName", "AzureStackCloud", "cloudEnvFileName", "x/../../cloud.json"),
		"a cloud file with a NUL":         parameters(secrets("a"), "cloudName", "AzureStackCloud", "cloudEnvFileName", "good.json\x00.txt"),
		"a cloud file that is a folder":   parameters(secrets("a"), "cloudName", "AzureStackCloud", "cloudEnvFileName", "/etc/"),
		"two modes":                       parameters(secrets("a"), "useVMManagedIdentity", "true", "usePodIdentity", "true"),
		"a name that climbs":              parameters(secrets("../b")),
		"a name with a slash":             parameters(secrets("a/b")),
		"a name with a query":             parameters(secrets("a?x=y")),
		"a name of dots":                  parameters(secrets("..")),
		"a name of 4097":                  parameters(secrets(strings.Repeat("n", 4097))),
		"a version with a slash":          parameters(secrets("a,objectVersion: x/../../y")),
		"an alias that climbs":            parameters(alias("../../x")),
		"an alias that climbs within":     parameters(alias("x/../../y")),
		"an alias that is absolute":       parameters(alias("/etc/passwd")),
		"an alias ..data":                 parameters(alias("..data")),
		"an alias below ..data":           parameters(alias("..data/x")),
		"an alias ..x":                    parameters(alias("..x")),
		"an alias of one dot":             parameters(alias(".")),
		"an alias with a detour":          parameters(alias("a//b")),
		"an alias that ends in a slash":   parameters(alias("a/")),
		"an alias with a NUL":             parameters(alias("a\x00b")),
		"an alias with a line break":      parameters(alias("a\nb")),
		"an alias of 4097":                parameters(alias(strings.Repeat("a/", 2048) + "b")),
		"an element of 256":               parameters(alias(strings.Repeat("e", 256))),
		"an alias 70 deep":                parameters(alias(deep)),
		"two objects of one name":         parameters(secrets("a", "a")),
		"two aliases of one name":         parameters(secrets("a,objectAlias: x", "b,objectAlias: x")),
		"a file where a folder must be":   parameters(secrets("a,objectAlias: x", "b,objectAlias: x/y")),
		"a folder where a file must be":   parameters(secrets("a,objectAlias: x/y", "b,objectAlias: x")),
		"a history under a file":          parameters(secrets("a,objectVersionHistory: 3", "b,objectAlias: a/1")),
		"a mode of 9":                     parameters(secrets("a,filePermission: \"0999\"")),
		"a mode with set-user-id":         parameters(secrets("a,filePermission: \"4755\"")),
		"a YAML bomb":                     parameters(bomb()),
		"a YAML bomb in an object":        parameters("array:\n  - |\n" + "    " + strings.ReplaceAll(strings.TrimSpace(bomb()), "\n", "\n    ") + "\n"),
		"one string a thousand times":     parameters("s: &s " + fmt.Sprintf("%q", "objectName: a\nobjectType: secret\nx: "+strings.Repeat("x", 60<<10)) + "\narray: [" + strings.TrimSuffix(strings.Repeat("*s,", 900), ",") + "]"),
		"YAML that refers to itself":      parameters("array: &a [*a, *a]"),
		"1 MiB of brackets":               parameters(strings.Repeat("[", 1<<20)),
		"50,000 objects":                  parameters("array:\n" + strings.Repeat("- {}\n", 50_000)),
		"1 MiB of spaces":                 parameters(strings.Repeat(" ", 1<<20)),
		"1 MiB of a name":                 parameters(secrets("a"), "keyvaultName", strings.Repeat("k", 1<<20)),
		"no object":                       parameters("array: []"),
		"1001 objects":                    parameters(secrets(many(1001)...)),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, func(s *settings) { s.azure.CloudFiles = t.TempDir() })
			p := n.pod(class)
			said := p.refused(p.mount(), codes.InvalidArgument)
			if len(said) > 16<<10 || strings.ContainsAny(said, "\x00\r\n") {
				t.Errorf("%d bytes said: %.300q", len(said), said)
			}
			if list := n.azure.requests(); len(list) != 0 {
				t.Errorf("called: %v", list)
			}
		})
	}
}

func many(n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("object-%d", i)
	}
	return list
}

// Odd is not hostile: what Linux can name is written where it says and nowhere else.
func TestOddNamesBecomeFilesWhereTheySay(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	aliases := []string{"naïve", "nai\u0308ve", "a b", "x/y/z.pem", "-rf", "$(id)", `back\slash`, "\u202egnp.exe", "\u200b", "...x"[1:] + "y", strings.Repeat("e", 200), "a.", ".hidden", "~", "*"}
	var list []string
	for i, a := range aliases {
		if strings.Contains(a, "..") {
			continue
		}
		list = append(list, fmt.Sprintf("o%d,objectAlias: %q", i, a))
	}
	p := n.pod(parameters(secrets(list...)))
	p.mustMount()
	files := p.files()
	if len(files) != len(list) {
		t.Errorf("%d files of %d: %v", len(files), len(list), files)
	}
	for i, a := range aliases {
		if !strings.Contains(a, "..") && files[a] != contentFor(web(tenant, client), "kv-one", fmt.Sprintf("o%d", i)) {
			t.Errorf("%q holds %q", a, files[a])
		}
	}
	entries, err := os.ReadDir(filepath.Dir(p.target))
	if err != nil || len(entries) != 1 {
		t.Errorf("beside the target: %v, %v", entries, err)
	}
	p.unmount()
	if _, err := os.Lstat(p.target); !os.IsNotExist(err) {
		t.Error("something was left behind")
	}
}

func TestACloudFileIsTheOperatorsOrNothing(t *testing.T) {
	t.Parallel()
	operators, others := t.TempDir(), t.TempDir()
	n := newNode(t, func(s *settings) { s.azure.CloudFiles = operators })
	document := fmt.Sprintf(`{"name":"Mine","activeDirectoryEndpoint":"https://login.fake.localhost:%[1]s/","keyVaultEndpoint":"https://vault.fake.localhost/","keyVaultDNSSuffix":"vault.fake.localhost:%[1]s"}`, n.azure.port)
	must(t, os.WriteFile(filepath.Join(operators, "mine.json"), []byte(document), 0o600))
	must(t, os.WriteFile(filepath.Join(others, "mine.json"), []byte(document), 0o600))
	must(t, os.WriteFile(filepath.Join(operators, "evil.json"), []byte(strings.ReplaceAll(document, "https://login.fake.localhost", "http://login.fake.localhost")), 0o600))
	must(t, os.WriteFile(filepath.Join(operators, "suffix.json"), []byte(strings.ReplaceAll(document, "vault.fake.localhost:", "fake.localhost/x#.vault:")), 0o600))
	must(t, os.WriteFile(filepath.Join(operators, "large.json"), make([]byte, 1<<20), 0o600))
	must(t, os.Mkdir(filepath.Join(operators, "folder"), 0o700))

	class := func(file string) map[string]string {
		return parameters(secrets("a"), "cloudName", "AzureStackCloud", "cloudEnvFileName", file)
	}
	for file, code := range map[string]codes.Code{
		filepath.Join(others, "mine.json"): codes.PermissionDenied,
		"/etc/passwd":                      codes.PermissionDenied,
		"/proc/self/environ":               codes.PermissionDenied,
		"gone.json":                        codes.NotFound,
		"folder":                           codes.NotFound,
		"evil.json":                        codes.InvalidArgument,
		"suffix.json":                      codes.InvalidArgument,
		"large.json":                       codes.InvalidArgument,
	} {
		p := n.pod(class(file))
		p.refused(p.mount(), code)
	}
	if list := n.azure.requests(); len(list) != 0 {
		t.Errorf("called: %v", list)
	}
	n.pod(class("mine.json")).mustMount()
	n.pod(class(filepath.Join(operators, "mine.json"))).mustMount()

	closed := nodeAt(t, n.azure, func(s *settings) { s.azure = azure.Config{} })
	p := closed.pod(class("mine.json"))
	p.refused(p.mount(), codes.PermissionDenied)
}

func TestFiveHundredObjectsAreMountedAndTooMuchContentIsTold(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	p := n.pod(parameters(secrets(many(500)...)))
	p.mustMount()
	if files := p.files(); len(files) != 500 {
		t.Errorf("%d files", len(files))
	}
	if list := n.azure.requests(); count(list, "token") != 1 || count(list, "secrets") != 500 || len(list) != 501 {
		t.Errorf("%d requests", len(list))
	}
	for i := range 200 {
		n.azure.set(fmt.Sprintf("object-%d", i), strings.Repeat("v", 25<<10), version1)
	}
	large := n.pod(parameters(secrets(many(200)...)))
	said := large.refused(large.mount(), codes.InvalidArgument)
	if !strings.Contains(said, "too large") || !strings.Contains(said, "--max-call-recv-msg-size") {
		t.Errorf("said: %s", said)
	}
	if err := p.mount(); err != nil || p.last().Err == nil || len(p.files()) != 500 {
		t.Errorf("a mounted volume that has grown too large: %v, %d files", err, len(p.files()))
	}
}

func TestContentOfEveryShapeArrivesToTheByte(t *testing.T) {
	t.Parallel()
	n := newNode(t)
	want := map[string]string{
		"empty": "", "kib": strings.Repeat("s", 25<<10), "binary": "\x00\x01\u0080\U0010ffff\r\n", "trap": "../../x", "json": `{"a":"</script>\u2028"}`,
	}
	var names []string
	for name, value := range want {
		n.azure.set(name, value, version1)
		names = append(names, name)
	}
	n.azure.set("hex", "00ff80", version1)
	n.azure.set("base64", "AP+A", version1)
	want["hex"], want["base64"] = "\x00\xff\x80", "\x00\xff\x80"
	p := n.pod(parameters(secrets(append(names, "hex,objectEncoding: hex", "base64,objectEncoding: base64")...)))
	p.mustMount()
	files := p.files()
	for name, value := range want {
		if got, there := files[name]; !there || got != value {
			t.Errorf("%s holds %.40q", name, got)
		}
	}
	for name, value := range map[string]string{"hex": "zz", "base64": "not base64!"} {
		n.azure.set(name, value, version1)
		bad := n.pod(parameters(secrets(name + ",objectEncoding: " + name)))
		if said := bad.refused(bad.mount(), codes.InvalidArgument); strings.Contains(said, value) {
			t.Errorf("the value was told: %s", said)
		}
	}
}

func TestWhatIsNoCertificateOrKeyIsSaidAndNothingIsWritten(t *testing.T) {
	t.Parallel()
	const id = `"id":"https://x/certificates/a/1"`
	for name, test := range map[string]struct{ kind, object, body string }{
		"no DER":                {"certificates", "cert", `{"cer":"aGVsbG8gcGxhbnRlZA==",` + id + `}`},
		"no base64":             {"certificates", "cert", `{"cer":"%%%planted",` + id + `}`},
		"no certificate yet":    {"certificates", "cert", `{` + id + `}`},
		"no PKCS#12":            {"secrets", "secret", `{"value":"cGxhbnRlZA==","contentType":"application/x-pkcs12","kid":"https://x/keys/a/1","id":"https://x/secrets/a/1"}`},
		"no base64 of PKCS#12":  {"secrets", "secret", `{"value":"planted!","contentType":"application/x-pkcs12","kid":"https://x/keys/a/1","id":"https://x/secrets/a/1"}`},
		"no PEM":                {"secrets", "secret", `{"value":"-----BEGIN PRIVATE KEY-----\nplanted\n-----END","contentType":"application/x-pem-file","kid":"https://x/keys/a/1","id":"https://x/secrets/a/1"}`},
		"a key without parts":   {"keys", "key", `{"key":{"kty":"RSA","kid":"https://x/keys/a/1"}}`},
		"a point off its curve": {"keys", "key", `{"key":{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ","kid":"https://x/keys/a/1"}}`},
		"a key nobody knows":    {"keys", "key", `{"key":{"kty":"planted","kid":"https://x/keys/a/1"}}`},
		"an exponent of 4 KiB":  {"keys", "key", `{"key":{"kty":"RSA","n":"` + strings.Repeat("B", 344) + `","e":"` + strings.Repeat("B", 4096) + `","kid":"https://x/keys/a/1"}}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := newNode(t, func(s *settings) { s.azure.Split, s.azure.Chain = true, true })
			n.azure.on(only(test.kind, body(test.body)))
			p := n.pod(parameters("array:\n  - |\n    objectType: " + test.object + "\n    objectName: a\n"))
			said := p.refused(p.mount(), codes.InvalidArgument, codes.Unavailable, codes.FailedPrecondition)
			if !strings.Contains(said, test.object+"/a") || strings.Contains(said, "planted!") {
				t.Errorf("said: %s", said)
			}
		})
	}
}
