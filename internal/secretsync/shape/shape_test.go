package shape_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
	"strongroom/internal/secretsync/shape"
)

// planted stands in every file of these tests, and in no error.
const planted = "planted-9f3a"

func files(pairs ...string) (list []secret.File) {
	for i := 0; i < len(pairs); i += 2 {
		list = append(list, secret.File{Path: pairs[i], Contents: secret.NewValue([]byte(pairs[i+1]))})
	}
	return list
}

// entry is one of secretObjects: data is object, key, object, key ...
func entry(kind string, data ...string) secretsstore.SecretObject {
	o := secretsstore.SecretObject{SecretName: "web", Type: kind}
	for i := 0; i < len(data); i += 2 {
		o.Data = append(o.Data, secretsstore.SecretData{ObjectName: data[i], Key: data[i+1]})
	}
	return o
}

func text(data map[string]secret.Value) map[string]string {
	texts := map[string]string{}
	for key, value := range data {
		texts[key] = string(value.Reveal())
	}
	return texts
}

func TestFilesBecomeKeys(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		entry secretsstore.SecretObject
		files []secret.File
		want  map[string]string
	}{
		"two files":            {entry("Opaque", "user", "u", "password", "p"), files("user", "me", "password", planted), map[string]string{"u": "me", "p": planted}},
		"one of a history":     {entry("Opaque", "db/0", "now", "db/1", "before"), files("db/0", "new", "db/1", "old"), map[string]string{"now": "new", "before": "old"}},
		"a path of Windows":    {entry("Opaque", `dir\db`, "k"), files("dir/db", "v"), map[string]string{"k": "v"}},
		"white space":          {entry(" Opaque ", " db ", " k\n"), files("db", " v "), map[string]string{"k": " v "}},
		"no type":              {entry("", "db", "k"), files("db", "v"), map[string]string{"k": "v"}},
		"an empty file":        {entry("Opaque", "db", "k"), files("db", ""), map[string]string{"k": ""}},
		"a type of one's own":  {entry("example.com/licence", "db", "k"), files("db", "v"), map[string]string{"k": "v"}},
		"registry":             {entry(shape.DockerConfigJSON, "cfg", ".dockerconfigjson"), files("cfg", `{"auths":{}}`), map[string]string{".dockerconfigjson": `{"auths":{}}`}},
		"old registry":         {entry(shape.DockerConfig, "cfg", ".dockercfg"), files("cfg", `{}`), map[string]string{".dockercfg": `{}`}},
		"password alone":       {entry(shape.BasicAuth, "p", "password"), files("p", planted), map[string]string{"password": planted}},
		"ssh":                  {entry(shape.SSHAuth, "p", "ssh-privatekey"), files("p", planted), map[string]string{"ssh-privatekey": planted}},
		"bootstrap token":      {entry("bootstrap.kubernetes.io/token", "a", "token-id"), files("a", "abcdef"), map[string]string{"token-id": "abcdef"}},
		"as large as may be":   {entry("Opaque", "big", "k"), files("big", strings.Repeat("x", 1<<20)), map[string]string{"k": strings.Repeat("x", 1<<20)}},
		"of a service account": {annotated(entry(shape.ServiceAccountToken, "a", "extra")), files("a", "v"), map[string]string{"extra": "v"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made, err := shape.Make(test.entry, test.files)
			if err != nil {
				t.Fatal(fault.Explain(err))
			}
			if diff := cmp.Diff(test.want, text(made.Data)); diff != "" {
				t.Error(diff)
			}
			want := strings.TrimSpace(test.entry.Type)
			if want == "" {
				want = "Opaque"
			}
			if made.Type != want || made.Name != "web" {
				t.Errorf("type %q, name %q", made.Type, made.Name)
			}
		})
	}
}

func annotated(o secretsstore.SecretObject) secretsstore.SecretObject {
	o.Annotations = map[string]string{"kubernetes.io/service-account.name": "web"}
	return o
}

func TestWhatIsWrongIsSaid(t *testing.T) {
	t.Parallel()
	nameless := entry("Opaque", "db", "k")
	nameless.SecretName = " "
	crooked := entry("Opaque", "db", "k")
	crooked.SecretName = "Web_1"
	for name, test := range map[string]struct {
		entry secretsstore.SecretObject
		want  string
	}{
		"no name":            {nameless, "secret name is empty"},
		"no good name":       {crooked, `"Web_1" is no name of a Kubernetes object`},
		"no data":            {entry("Opaque"), "data is empty"},
		"no object":          {entry("Opaque", " ", "k"), "object name in secretObjects.data"},
		"no key":             {entry("Opaque", "db", " "), "key in secretObjects.data is empty"},
		"no good key":        {entry("Opaque", "db", "a/b"), `"a/b" is no key of a Secret`},
		"hidden key":         {entry("Opaque", "db", "..k"), `"..k" is no key of a Secret`},
		"key given twice":    {entry("Opaque", "db", "k", "db", " k "), "key k is given twice"},
		"no file":            {entry("Opaque", "dB", "k"), "file matching objectName dB not found in the pod; to mend: objectName is a file of the volume: an object's objectAlias, or its objectName without one; there are db, big, tls/0"},
		"too large":          {entry("Opaque", "big", "k"), "its data is 1048577 bytes, and a Kubernetes Secret holds at most 1 MiB (1048576 bytes)"},
		"a key TLS lacks":    {entry(shape.TLS, "db", "cert"), "key 'cert' is not supported. Only 'tls.key', 'tls.crt' and 'ca.crt' are supported"},
		"no TLS":             {entry(shape.TLS, "db", "tls.crt"), `object "db" for key tls.crt: it is neither PEM nor a PKCS#12`},
		"no registry":        {entry(shape.DockerConfigJSON, "db", "config"), "a Secret of type kubernetes.io/dockerconfigjson needs the key .dockerconfigjson, which is missing or empty"},
		"no JSON":            {entry(shape.DockerConfigJSON, "db", ".dockerconfigjson"), "the key .dockerconfigjson of a Secret of type kubernetes.io/dockerconfigjson must be a JSON object, and is not"},
		"no JSON of old":     {entry(shape.DockerConfig, "db", ".dockercfg"), "the key .dockercfg of a Secret"},
		"no user":            {entry(shape.BasicAuth, "db", "k"), "a Secret of type kubernetes.io/basic-auth needs the key username or password"},
		"no ssh key":         {entry(shape.SSHAuth, "db", "k"), "needs the key ssh-privatekey"},
		"no service account": {entry(shape.ServiceAccountToken, "db", "k"), "needs the annotation kubernetes.io/service-account.name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := shape.Make(test.entry, files("db", planted, "big", strings.Repeat("x", 1<<20+1), "tls/0", planted))
			said := fault.Explain(err)
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(said, test.want) || strings.Contains(said, planted) {
				t.Errorf("%v: %s", fault.KindOf(err), said)
			}
		})
	}
}

func TestFewFilesAreListed(t *testing.T) {
	t.Parallel()
	var many []secret.File
	for range 1000 {
		many = append(many, secret.File{Path: strings.Repeat("p", 500)})
	}
	_, err := shape.Make(entry("Opaque", "db", "k"), many)
	if said := fault.Explain(err); len(said) > 1400 || !strings.HasSuffix(said, ", ...") {
		t.Errorf("%d bytes: %s", len(said), said)
	}
}
