package shape_test

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"strongroom/internal/fault"
	"strongroom/internal/secret"
	"strongroom/internal/secretsync/shape"
)

// split makes a TLS Secret, all of one object.
func split(t testing.TB, content string) (crt, key, ca string) {
	t.Helper()
	made, err := shape.Make(entry(shape.TLS, "web", "tls.crt", "web", "tls.key", "web", "ca.crt"), files("web", content))
	if err != nil {
		t.Fatal(fault.Explain(err))
	}
	data := text(made.Data)
	return data["tls.crt"], data["tls.key"], data["ca.crt"]
}

func TestTLSIsSplitFromEveryForm(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]struct {
		key  func(testing.TB) crypto.Signer
		want string
	}{
		"RSA":     {rsaKey, "RSA PRIVATE KEY"},
		"EC":      {ecKey, "EC PRIVATE KEY"},
		"Ed25519": {edKey, "PRIVATE KEY"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			root := certify(t, "root", ecKey(t), nil, true)
			middle := certify(t, "middle", ecKey(t), &root, true)
			leaf := certify(t, "leaf", kind.key(t), &middle, false)
			key, certs := leaf.keyPEM(t), leaf.certPEM()+middle.certPEM()+root.certPEM()
			der, err := pkcs12.Modern2023.Encode(leaf.key, leaf.cert, []*x509.Certificate{middle.cert, root.cert}, "")
			if err != nil {
				t.Fatal(err)
			}
			forms := map[string]string{
				"key first":   key + certs,
				"key last":    certs + key,
				"key between": leaf.certPEM() + key + middle.certPEM() + root.certPEM(),
				"with words":  "Bag Attributes\n" + certs + "Key Attributes: <No Attributes>\n" + key,
				"binary":      string(der),
				"base64":      base64.StdEncoding.EncodeToString(der) + "\n",
			}
			for form, content := range forms {
				crt, gotKey, ca := split(t, content)
				if crt != certs {
					t.Errorf("%s: the certificates are not in their order", form)
				}
				if ca != middle.certPEM()+root.certPEM() {
					t.Errorf("%s: the authorities are not the last two", form)
				}
				if b, rest := pem.Decode([]byte(gotKey)); b == nil || b.Type != kind.want || len(rest) != 0 {
					t.Errorf("%s: the key is no %s", form, kind.want)
				}
				if _, err := tls.X509KeyPair([]byte(crt), []byte(gotKey)); err != nil {
					t.Errorf("%s: no server could use it: %v", form, err)
				}
			}
		})
	}
}

func TestTheLeafOfAPKCS12ComesFirst(t *testing.T) {
	t.Parallel()
	root := certify(t, "root", ecKey(t), nil, true)
	leaf := certify(t, "leaf", ecKey(t), &root, false)
	der, err := pkcs12.Modern2023.Encode(leaf.key, root.cert, []*x509.Certificate{leaf.cert}, "")
	if err != nil {
		t.Fatal(err)
	}
	if crt, _, _ := split(t, string(der)); crt != leaf.certPEM()+root.certPEM() {
		t.Error("the leaf is not first")
	}
}

func TestCertificateAndKeyMayBeTwoObjects(t *testing.T) {
	t.Parallel()
	root := certify(t, "root", ecKey(t), nil, true)
	leaf := certify(t, "leaf", rsaKey(t), &root, false)
	made, err := shape.Make(entry(shape.TLS, "c", "tls.crt", "k", "tls.key", "r", "ca.crt"),
		files("c", leaf.certPEM(), "k", leaf.keyPEM(t), "r", root.certPEM()))
	if err != nil {
		t.Fatal(fault.Explain(err))
	}
	if data := text(made.Data); data["tls.crt"] != leaf.certPEM() || data["ca.crt"] != root.certPEM() {
		t.Error("not what was given")
	}
}

// A server's certificate that signed itself is its own authority.
func TestASelfSignedCertificateIsItsAuthority(t *testing.T) {
	t.Parallel()
	own := certify(t, "own", ecKey(t), nil, false)
	if crt, _, ca := split(t, own.keyPEM(t)+own.certPEM()); ca != crt {
		t.Error("nobody could trust it")
	}
}

func TestOfTwoKeysTheCertificatesIsTaken(t *testing.T) {
	t.Parallel()
	own, other := certify(t, "own", ecKey(t), nil, false), certify(t, "other", ecKey(t), nil, false)
	for _, content := range []string{
		own.keyPEM(t) + other.keyPEM(t) + own.certPEM(),
		other.keyPEM(t) + own.certPEM() + own.keyPEM(t),
		block("EC PARAMETERS", []byte{6, 8, 42, 134, 72, 206, 61, 3, 1, 7}) + own.keyPEM(t) + own.certPEM(),
	} {
		crt, key, _ := split(t, content)
		if _, err := tls.X509KeyPair([]byte(crt), []byte(key)); err != nil {
			t.Error(err)
		}
	}
	made, err := shape.Make(entry(shape.TLS, "c", "tls.crt", "k", "tls.key"), files("c", own.certPEM(), "k", other.keyPEM(t)+own.keyPEM(t)))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tls.X509KeyPair(made.Data["tls.crt"].Reveal(), made.Data["tls.key"].Reveal()); err != nil {
		t.Error("with nothing to tell by, it is the last", err)
	}
}

func TestAKeyThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	own := certify(t, "own", ecKey(t), nil, false)
	for name, test := range map[string]struct{ content, want string }{
		"garbage":    {own.certPEM() + block("PRIVATE KEY", []byte(planted)), `object "web" for key tls.key: its private key cannot be read`},
		"empty":      {own.certPEM() + block("PRIVATE KEY", nil), "its private key cannot be read"},
		"agreement":  {own.certPEM() + agreement(t), "its private key cannot be read"},
		"passphrase": {own.certPEM() + block("ENCRYPTED PRIVATE KEY", []byte(planted)), "protected by a passphrase"},
		"old passphrase": {own.certPEM() + "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\n" +
			"cGxhbnRlZC05ZjNh\n-----END RSA PRIVATE KEY-----\n", "protected by a passphrase"},
		"no key":  {own.certPEM(), "it holds no private key"},
		"no cert": {own.keyPEM(t), `object "web" for key tls.crt: it holds no certificate`},
		"no PEM":  {"-----BEGIN " + planted, "holds no PEM block"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := shape.Make(entry(shape.TLS, "web", "tls.crt", "web", "tls.key"), files("web", test.content))
			said := fault.Explain(err)
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(said, test.want) || strings.Contains(said, planted) {
				t.Errorf("%v: %s", fault.KindOf(err), said)
			}
		})
	}
}

// FuzzTLS holds that no content panics or hangs, that what is refused is refused on one line, and that what is made is
// what a TLS Secret must be: certificates and nothing else, and a key that can be read.
func FuzzTLS(f *testing.F) {
	own := certify(f, "own", ecKey(f), nil, false)
	der, err := pkcs12.Modern2023.Encode(own.key, own.cert, nil, "")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(own.keyPEM(f) + own.certPEM()))
	f.Add([]byte(own.certPEM() + block("PRIVATE KEY", []byte{1})))
	f.Add(der)
	f.Add([]byte(base64.StdEncoding.EncodeToString(der)))
	f.Fuzz(func(t *testing.T, content []byte) {
		made, err := shape.Make(entry(shape.TLS, "web", "tls.crt", "web", "tls.key", "web", "ca.crt"),
			[]secret.File{{Path: "web", Contents: secret.NewValue(content)}})
		if err != nil {
			if said := fault.Explain(err); fault.KindOf(err) != fault.Invalid || strings.Contains(said, "\n") {
				t.Fatalf("%v %q", fault.KindOf(err), said)
			}
			return
		}
		for _, key := range []string{"tls.crt", "ca.crt"} {
			count := 0
			for b, rest := pem.Decode(made.Data[key].Reveal()); b != nil; b, rest = pem.Decode(rest) {
				if count++; b.Type != "CERTIFICATE" {
					t.Fatalf("%s holds a %q", key, b.Type)
				}
			}
			if count == 0 {
				t.Fatalf("%s is empty", key)
			}
		}
		b, rest := pem.Decode(made.Data["tls.key"].Reveal())
		if b == nil || len(rest) != 0 || len(b.Bytes) == 0 || !strings.HasSuffix(b.Type, "PRIVATE KEY") {
			t.Fatal("the key is none")
		}
	})
}
