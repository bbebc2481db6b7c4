package material

import (
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"strongroom/internal/fault"
)

func TestServedReadsWhatAServerIsGiven(t *testing.T) {
	t.Parallel()
	list := chain(t, false, "leaf", "root")
	der, err := pkcs12.Modern2023.Encode(list[0].key, list[0].cert, parsed(list[1:]), "")
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string]string{
		"PEM": keyPEM(t, list[0].key) + certPEM(list...), "bytes": string(der), "base64": base64Of(der), "of OpenSSL": openssl,
	} {
		served, err := ReadServed(value(content))
		if err != nil {
			t.Fatalf("%s: %s", name, fault.Explain(err))
		}
		certs, err := served.Certificates()
		if got := names(t, string(certs.Reveal())); err != nil || got != "leaf root" && got != "f.example" {
			t.Errorf("%s: %s, %v", name, got, err)
		}
		key, err := served.PrivateKey()
		if err != nil || !strings.HasPrefix(string(key.Reveal()), "-----BEGIN EC PRIVATE KEY-----\n") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestServedRefusesTheRest(t *testing.T) {
	t.Parallel()
	for _, content := range []string{"", "Pl4ntedS3cret", "0Pl4ntedS3cret", "MIIPl4ntedS3cret"} {
		_, err := ReadServed(value(content))
		if fault.KindOf(err) != fault.Invalid || err == nil || !holdsNone(err.Error(), []byte(content)) {
			t.Errorf("%q: %v", content, err)
		}
	}
	if _, err := (Served{}).Authorities(); fault.KindOf(err) != fault.Invalid {
		t.Errorf("nothing has authorities: %v", err)
	}
}
