package material

import (
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"strongroom/internal/fault"
)

func TestSecretDecodesRawValues(t *testing.T) {
	t.Parallel()
	for _, m := range []struct {
		value    string
		encoding Encoding
		want     string
	}{
		{"plain text\n", "", "plain text\n"},
		{"plain text\n", UTF8, "plain text\n"},
		{"", "", ""},
		{"", Base64, ""},
		{"", Hex, ""},
		{"aGVsbG8=", Base64, "hello"},
		{" aGVs\r\nbG8=\n", Base64, "hello"},
		{"68656c6C6f", Hex, "hello"},
		{"68656c6c6f\n", Hex, "hello"},
		{"\xff\xfe", "", "\xff\xfe"},
		{strings.Repeat("x", 25<<10), "", strings.Repeat("x", 25<<10)},
		{strings.Repeat("78", 25<<9), Hex, strings.Repeat("x", 25<<9)},
	} {
		parts, notes := shape(t, SecretInput{Value: value(m.value), Encoding: m.encoding, Chain: true, Split: true, Format: PFX})
		if len(parts) != 1 || parts[""] != m.want || len(notes) > 0 {
			t.Errorf("%.20q as %q: %.40q, %q", m.value, m.encoding, parts, notes)
		}
	}
}

func TestSecretRefusesWithoutShowingTheValue(t *testing.T) {
	t.Parallel()
	const planted = "Pl4ntedS3cret"
	leaf := chain(t, false, "leaf")[0]
	locked, err := pkcs12.Modern2023.Encode(leaf.key, leaf.cert, nil, planted)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct {
		name string
		in   SecretInput
		want string
	}{
		{"no base64", SecretInput{Value: value(planted + "!"), Encoding: Base64}, "not base64 text: illegal base64 data at input byte 13"},
		{"no hex", SecretInput{Value: value("abZ" + planted), Encoding: Hex}, "not hex text: illegal hex data at input byte 2"},
		{"half a byte of hex", SecretInput{Value: value("abc"), Encoding: Hex}, "odd number of digits"},
		{"an unknown encoding", SecretInput{Value: value(planted), Encoding: "rot13"}, `invalid objectEncoding: "rot13"`},
		{"an unknown type", SecretInput{Value: value(planted), Backed: true, ContentType: "text/plain"}, "failed to get certificate. unknown content type 'text/plain'"},
		{"no type", SecretInput{Value: value(planted), Backed: true}, "unknown content type ''"},
		{"nothing", SecretInput{Backed: true, ContentType: typePEM}, "holds no PEM block"},
		{"no PEM", SecretInput{Value: value(planted), Backed: true, ContentType: typePEM, Chain: true}, "holds no PEM block"},
		{"no PKCS#12", SecretInput{Value: value(planted + "!"), Backed: true, ContentType: typePKCS12}, "not the base64 text of a PKCS#12"},
		{"base64 of something else", SecretInput{Value: value(base64Of([]byte(planted))), Backed: true, ContentType: typePKCS12}, "not a PKCS#12 that can be read"},
		{"a password", SecretInput{Value: value(base64Of(locked)), Backed: true, ContentType: typePKCS12}, "protected by a password"},
		{"PEM taken for base64", SecretInput{Value: value(certPEM(leaf)), Backed: true, ContentType: typePEM, Encoding: Base64}, "not base64 text; to mend: remove objectEncoding, or set objectFormat: pfx"},
		{"PFX without a key", SecretInput{Value: value(certPEM(leaf)), Backed: true, ContentType: typePEM, Format: PFX}, "needs a private key and certificates"},
		{"PFX without a certificate", SecretInput{Value: value(keyPEM(t, leaf.key)), Backed: true, ContentType: typePEM, Format: PFX}, "needs a private key and certificates"},
		{"PFX of what is no certificate", SecretInput{Value: value(keyPEM(t, leaf.key) + "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"), Backed: true, ContentType: typePEM, Format: PFX}, "needs a private key and certificates"},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			_, err := Secret(m.in)
			said := fault.Explain(err)
			if fault.KindOf(err) != fault.Invalid || !strings.Contains(said, m.want) {
				t.Errorf("%q, want %q", said, m.want)
			}
			if !holdsNone(said, m.in.Value.Reveal()) {
				t.Errorf("%q shows the value", said)
			}
		})
	}
}

func TestSecretGivesPEMForEveryContentType(t *testing.T) {
	t.Parallel()
	list := chain(t, false, "leaf", "root")
	der, err := pkcs12.LegacyDES.Encode(list[0].key, list[0].cert, parsed(list[1:]), "")
	if err != nil {
		t.Fatal(err)
	}
	text, pfx := keyPEM(t, list[0].key)+certPEM(list...), base64Of(der)
	for _, m := range []struct{ contentType, value string }{
		{"application/x-pem-file", text},
		{"Application/X-PEM-File; charset=utf-8", text},
		{"", text},
		{"text/plain", text},
		{"application/x-pkcs12", pfx},
		{" APPLICATION/X-PKCS12 ", pfx + "\n"},
		{"application/x-pkcs12;", pfx},
		{"", pfx},
	} {
		parts, notes := shape(t, SecretInput{Value: value(m.value), Backed: true, ContentType: m.contentType, Chain: true})
		if parts[""] != text || len(notes) > 0 {
			t.Errorf("%q: %s, %q", m.contentType, names(t, parts[""]), notes)
		}
	}
}

func TestSecretOrdersTheChainOfPEMToo(t *testing.T) {
	t.Parallel()
	list := chain(t, false, "leaf", "middle", "root")
	key := keyPEM(t, list[0].key)
	shuffled := certPEM(list[2], list[0]) + key + certPEM(list[1])
	for _, m := range []struct {
		value, want string
		chain       bool
	}{
		{shuffled, key + certPEM(list...), true},
		{shuffled, shuffled, false},
		{"comment\n" + key + certPEM(list...), "comment\n" + key + certPEM(list...), true}, // in order: byte for byte
		{certPEM(list...) + key, key + certPEM(list...), true},
	} {
		parts, notes := shape(t, SecretInput{Value: value(m.value), Backed: true, ContentType: typePEM, Chain: m.chain})
		if parts[""] != m.want || len(notes) > 0 {
			t.Errorf("%s, want %s; %q", names(t, parts[""]), names(t, m.want), notes)
		}
	}
}

func TestSecretSplits(t *testing.T) {
	t.Parallel()
	list := chain(t, false, "leaf", "root")
	der, err := pkcs12.Modern2023.Encode(list[0].key, list[0].cert, parsed(list[1:]), "")
	if err != nil {
		t.Fatal(err)
	}
	key, pfx := keyPEM(t, list[0].key), base64Of(der)
	for _, m := range []struct {
		in    SecretInput
		whole string
	}{
		{SecretInput{Value: value(pfx), ContentType: typePKCS12}, key + certPEM(list...)},
		{SecretInput{Value: value(pfx), ContentType: typePKCS12, Format: PFX}, pfx},
		{SecretInput{Value: value(pfx), ContentType: typePKCS12, Format: PFX, Encoding: Base64}, string(der)},
		{SecretInput{Value: value(key + certPEM(list...)), ContentType: typePEM}, key + certPEM(list...)},
	} {
		m.in.Backed, m.in.Chain, m.in.Split = true, true, true
		parts, _ := shape(t, m.in)
		if len(parts) != 3 || parts[".key"] != key || parts[".crt"] != certPEM(list...) || parts[""] != m.whole {
			t.Errorf("%+v: %q", m.in, parts)
		}
	}
}

func TestSecretMakesPFXOfPEM(t *testing.T) {
	t.Parallel()
	list := chain(t, false, "leaf", "middle", "root")
	in := SecretInput{
		Value:  value(certPEM(list[2], list[1], list[0]) + keyPEM(t, list[0].key)),
		Backed: true, ContentType: typePEM, Format: PFX, Encoding: Base64, Chain: true,
	}
	first, _ := shape(t, in)
	second, _ := shape(t, in)
	if first[""] != second[""] {
		t.Error("the same certificate became two different files")
	}
	key, cert, others, err := pkcs12.DecodeChain([]byte(first[""]), "")
	if err != nil {
		t.Fatal(err)
	}
	if !list[0].key.Equal(key) || cert.Subject.CommonName != "leaf" || len(others) != 2 || others[1].Subject.CommonName != "root" {
		t.Error(cert.Subject, len(others))
	}
}

func TestSecretKeepsWhatItCannotRead(t *testing.T) {
	t.Parallel()
	odd := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte("no certificate")}))
	parts, notes := shape(t, SecretInput{Value: value(odd), Backed: true, ContentType: typePEM, Chain: true})
	if parts[""] != odd || len(notes) != 1 {
		t.Errorf("%q %q", parts, notes)
	}
}

// FuzzSecret holds that no input panics or hangs, that errors are Invalid and show nothing, and that the same input
// gives the same files.
func FuzzSecret(f *testing.F) {
	list := chain(f, false, "leaf", "root")
	der, err := pkcs12.Modern2023.Encode(list[0].key, list[0].cert, parsed(list[1:]), "")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte(base64Of(der)), typePKCS12, true, uint8(0))
	f.Add([]byte(base64Of(der)), "", true, uint8(7))
	f.Add([]byte(keyPEM(f, list[0].key)+certPEM(list...)), typePEM, true, uint8(1))
	f.Add([]byte(opensslRC2), typePKCS12, true, uint8(3))
	f.Add([]byte("aGVsbG8="), "text/plain", false, uint8(2))
	f.Fuzz(func(t *testing.T, text []byte, contentType string, backed bool, choice uint8) {
		in := SecretInput{
			Value: value(string(text)), ContentType: contentType, Backed: backed,
			Format:   []Format{PEM, PFX}[choice&1],
			Encoding: []Encoding{"", UTF8, Hex, Base64}[choice>>1&3],
			Chain:    choice&8 == 0,
			Split:    choice&16 == 0,
		}
		shaped, err := Secret(in)
		if err != nil {
			if said := fault.Explain(err); fault.KindOf(err) != fault.Invalid || strings.Contains(said, "\n") {
				t.Fatalf("%v %q", fault.KindOf(err), said)
			}
			return
		}
		again, err := Secret(in)
		if err != nil || len(again.Parts) != len(shaped.Parts) {
			t.Fatal(err)
		}
		for i := range again.Parts {
			if !again.Parts[i].Contents.Equal(shaped.Parts[i].Contents) {
				t.Fatal("not the same twice")
			}
		}
	})
}

func TestCertificateIsPEM(t *testing.T) {
	t.Parallel()
	leaf := chain(t, false, "leaf")[0]
	got, err := Certificate(leaf.cert.Raw, PEM)
	if err != nil || string(got) != certPEM(leaf) {
		t.Errorf("%s %v", got, err)
	}
	for _, der := range [][]byte{nil, []byte("Pl4ntedS3cret"), leaf.cert.Raw[:100], append(leaf.cert.Raw[:len(leaf.cert.Raw):len(leaf.cert.Raw)], 0)} {
		_, err := Certificate(der, PEM)
		if fault.KindOf(err) != fault.Invalid || !holdsNone(err.Error(), der) {
			t.Errorf("%v", err)
		}
	}
	if _, err := x509.ParseCertificate(leaf.cert.Raw); err != nil {
		t.Error(err)
	}
}
