package shape_test

import (
	"strings"
	"testing"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
	"strongroom/internal/secretsync/shape"
)

// What is made is a Secret that an API server takes, of the files that were named, and no content is told otherwise.
func FuzzMake(f *testing.F) {
	const planted = "Pl4ntedS3cret"
	f.Add("web", "", "user", "a/b", []byte(planted))
	f.Add("web", shape.TLS, "tls.crt", "a/b", []byte("-----BEGIN CERTIFICATE-----\n"+planted))
	f.Add(" web.x ", "kubernetes.io/dockerconfigjson", ".dockerconfigjson", `a\b`, []byte(`{"auths":"`+planted+`"}`))
	f.Add("-", "kubernetes.io/basic-auth", "..x", "../b", []byte{})
	f.Add("web", "kubernetes.io/ssh-auth", "ssh-privatekey", "./a//b", []byte{0xff})
	f.Fuzz(func(t *testing.T, name, kind, key, object string, content []byte) {
		entry := secretsstore.SecretObject{SecretName: name, Type: kind, Data: []secretsstore.SecretData{{ObjectName: object, Key: key}}}
		made, err := shape.Make(entry, []secret.File{{Path: "a/b", Contents: secret.NewValue(append([]byte(planted), content...))}})
		if err != nil {
			said := fault.Explain(err)
			if fault.KindOf(err) != fault.Invalid || strings.Contains(said, "\n") || strings.Contains(said, planted) && !strings.Contains(name+kind+key+object, planted) {
				t.Fatalf("%v %q", fault.KindOf(err), said)
			}
			return
		}
		if made.Name == "" || len(made.Name) > 253 || strings.ToLower(made.Name) != made.Name || strings.ContainsAny(made.Name, "/ \n") || len(made.Data) != 1 {
			t.Fatalf("%+v", made)
		}
		for k, v := range made.Data {
			if k == "" || k == "." || strings.HasPrefix(k, "..") || strings.ContainsAny(k, "/ \n") || v.Len() == 0 {
				t.Fatalf("%q of %d bytes", k, v.Len())
			}
		}
	})
}
