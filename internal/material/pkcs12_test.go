package material

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"software.sslmate.com/src/go-pkcs12"

	"strongroom/internal/fault"
)

// Two files of OpenSSL 3.0, one with the algorithms of old (RC2, 3DES, SHA-1), one of today with the attributes that
// Windows adds. The key and the certificate were made for this test.
const (
	opensslRC2 = "MIIDggIBAzCCA0gGCSqGSIb3DQEHAaCCAzkEggM1MIIDMTCCAicGCSqGSIb3DQEHBqCCAhgwggIUAgEAMIICDQYJKoZIhvcNAQcBMBwGCiqGSIb3DQEMAQYwDgQIVDGux68FaTkCAggAgIIB4HPQZS89eku4Ojhz5GhqflcX7aLMSsBubW2KMzxbwE66vjm/GmZX2Olg2NMfpa6ajUv9r41LQ0orVVMmzd5PuQScCThqanLC6DtOKkKsId/FywrKVMm7gv3xV1jAuq+KFnERjw6EakfK41Egfjk9Qa/zWx+tnNCgJzmq0NV4PpTwG8yZu31hx8e43QQGcwy0gEdtz1Nr2lbeYlyIc7H6LdksfgLDzG6+xK89fuBygNRcdE0TsGph6415zxIDL1EhfepACSyBWZ9oTb9BNP0aI8f1a48sgKdGbsnssdpZitL/QgSoMN0rSZRIwf5WNlq9GbYNt0YTywlptrzjyjsah+jdqrNXNvyeY0p+4CvGS8DBCZadHKjXu9zOCk7vccBovbIrDrq0jwlgVFR+IXtjAu/3XPcSNZ8iBi0FhPRCWiJZIrRqcBe52QLC56N1MUCF+vXrE9mtgEmliKKMw48wYgLM+Qug9UoDDs83atSsM7Dtct88nAPCbZ4dU9bShz41P8Cwgo4h7NZpokccBgw2MsbqLgVnMX+KVCGoawzUgVA8awTO42W/eDUAs7Rv8w3BoLkB+AvIMz/hsmEs9fNvFdFe9jgsVxiSOGcTyQqkk1YQI4rZ92uwd7aehH96kICvbzCCAQIGCSqGSIb3DQEHAaCB9ASB8TCB7jCB6wYLKoZIhvcNAQwKAQKggbQwgbEwHAYKKoZIhvcNAQwBAzAOBAjPrK+9PUmxpAICCAAEgZB6b7/yNTGnUYJXKgzpK++m5C8Rcoy8kd00WDO7PXETznMYiRI++9pXsDfEKBlZFsrz5hIqiqWSC7ut607a7tUwFuWa2B1d+4HExeBYPWAC0EkuKnGab9Jffp/CYybXKHIjoQ9OC3Ei7Mo42RYqSrp1g2vdMdA8m1jR59hi4A0ITUcn5Jm/bo7OWvANFFMzKWgxJTAjBgkqhkiG9w0BCRUxFgQU9G2aOY33yXQkB3tZyi6djfx+5lYwMTAhMAkGBSsOAwIaBQAEFLu7qGpdqP2np0QnSdVasztX/LXbBAhON3vPonkE1QICCAA="
	openssl    = "MIIEvQIBAzCCBHMGCSqGSIb3DQEHAaCCBGQEggRgMIIEXDCCAoIGCSqGSIb3DQEHBqCCAnMwggJvAgEAMIICaAYJKoZIhvcNAQcBMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAjF8sWbRouzEgICCAAwDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEOHZif5buu2j66TKee2sU3yAggIA3hTJN7QJgcQHFQftmZaykeYEELQwCogfn+giGZeaMv/8VBSzbDYhoqzdZzrvHHfLe94IrNPve27DRVyu5mcqPVeUK6RTYwLwuS5CVX+3KSYdsaJ6i98s6l3lsLnfG7tcqSQYSQb5HmEJw+SITHXtvJI0jpSKnFWn6KUlqR4ggjUCAzezYi4WNwtE47jHpNQQ1A6W7Krg2/DmR9IAE7+A5XSNqSQayndPe0uuorFZ0PQe+yJD4asflymHqBjwe4KO8Ed1G4QooDBIDBT+gKHOm98SzUwc+rLQAVfP23105VgpHG85s+J2Rs8Av9Gs6orCXDF5HmSGz2F0BmM59n7qzkrUt0s7ExC+fI6ypV50QfnYpoYpIl/+GLrcHEU7kd4QScZbJ9S7qWRK4kLGrqYYEGLQslLGI04xsDymUZvpMULhRPgfGyCC2tSq14ujToD5x9lD2yIxnUJFkhTmrFmf4mqEl3dcPqyjNLEZkOcv1gELS7icd+gcmLYLQ1bMXKIFPf+Ih8Wc23EsXnqye7gtGBRgw4PpNWi2njwi3SqZZ7yeQecLtZqUytl9QjCbS+9RYwvQjU30fUuWbpItWT9OHjFGy749QNZaqu/fTasKlJElbmY8senfLtvAfRzaCsarkHFGuLI2OV59DOElCYmVMuHKG5EauL1vzU/LTKvB4WgwggHSBgkqhkiG9w0BBwGgggHDBIIBvzCCAbswggG3BgsqhkiG9w0BDAoBAqCB/zCB/DBXBgkqhkiG9w0BBQ0wSjApBgkqhkiG9w0BBQwwHAQItqiKc+EtdUUCAggAMAwGCCqGSIb3DQIJBQAwHQYJYIZIAWUDBAEqBBBxJh9k/PsvxhWtX1fbFayRBIGgJ3aM7QzJuV/2X2TntL+XZWiHF28hsQ9UBY73HCZ6KbohAQ0e6AlM6bt9cuNw6XSBKqEUmZp+GT/SFcEqQNhRoU930OV28WlWxM8xL9Ntyvp8pqd+zk2DYehDXZsBc2NzBvZceQKUhiXgp+MRBkLFxqqZ5xCupZGUSF4MnGR2jMLz4aRMy72nYHSFI1YxtBcPgkYyF452kGLNhvgsEUe2BzGBpTAfBgkqhkiG9w0BCRQxEh4QAGYAcgBpAGUAbgBkAGwAeTAjBgkqhkiG9w0BCRUxFgQU9G2aOY33yXQkB3tZyi6djfx+5lYwXQYJKwYBBAGCNxEBMVAeTgBNAGkAYwByAG8AcwBvAGYAdAAgAFMAbwBmAHQAdwBhAHIAZQAgAEsAZQB5ACAAUwB0AG8AcgBhAGcAZQAgAFAAcgBvAHYAaQBkAGUAcjBBMDEwDQYJYIZIAWUDBAIBBQAEIPMBHcwyRs0Ap1cBwHq2fcSDzl3y12zjJM8tR3lJqXhPBAgdLLx7Dl5K0QICCAA="
)

func TestSecretReadsPKCS12OfEveryAge(t *testing.T) {
	t.Parallel()
	list := chain(t, false, "leaf", "root")
	for name, encoder := range map[string]*pkcs12.Encoder{
		"RC2": pkcs12.LegacyRC2, "3DES": pkcs12.LegacyDES, "AES": pkcs12.Modern2023, "PBMAC1": pkcs12.Modern2026,
		"none": pkcs12.Passwordless, "slow": pkcs12.Modern2023.WithIterations(100_000),
	} {
		der, err := encoder.Encode(list[0].key, list[0].cert, parsed(list[1:]), "")
		if err != nil {
			t.Fatal(err)
		}
		parts, _ := shape(t, SecretInput{Value: value(base64Of(der)), Backed: true, ContentType: typePKCS12, Chain: true})
		if want := keyPEM(t, list[0].key) + certPEM(list...); parts[""] != want {
			t.Errorf("%s: %s", name, names(t, parts[""]))
		}
	}
	for name, text := range map[string]string{"old OpenSSL": opensslRC2, "new OpenSSL": openssl} {
		parts, notes := shape(t, SecretInput{Value: value(text), Backed: true, ContentType: typePKCS12, Chain: true})
		if got := names(t, parts[""]); got != "key f.example" || len(notes) > 0 {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestSecretReadsRSAKeys(t *testing.T) {
	t.Parallel()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "rsa"}, NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	cert, _ := x509.ParseCertificate(raw)
	der, err := pkcs12.LegacyDES.Encode(key, cert, nil, "")
	if err != nil {
		t.Fatal(err)
	}
	parts, _ := shape(t, SecretInput{Value: value(base64Of(der)), Backed: true, ContentType: typePKCS12, Chain: true})
	if !strings.HasPrefix(parts[""], keyPEM(t, key)) || names(t, parts[""]) != "key rsa" {
		t.Error(names(t, parts[""]))
	}
}

// bag makes a plain safe of one certificate or key.
func bag(t *testing.T, a *authority, id asn1.ObjectIdentifier) contentInfo {
	t.Helper()
	inner, err := certificateBagValue(a.cert)
	if id.Equal(oidKeyBag) {
		inner, err = x509.MarshalPKCS8PrivateKey(a.key)
	}
	if err != nil {
		t.Fatal(err)
	}
	safe, err := sealBag(id, inner)
	if err != nil {
		t.Fatal(err)
	}
	return safe
}

func sealed(t *testing.T, list ...contentInfo) string {
	t.Helper()
	der, err := seal(formsOf("")[0], list...)
	if err != nil {
		t.Fatal(err)
	}
	return base64Of(der)
}

func TestSecretReadsAnyNumberOfSafes(t *testing.T) {
	t.Parallel()
	list := chain(t, false, "leaf", "middle", "root")
	other := chain(t, false, "other")[0]
	encrypted := encryptedSafe(t, list[2].cert)
	for _, m := range []struct {
		name, text, want string
	}{
		{"five plain safes", sealed(t, bag(t, list[2], oidCertBag), bag(t, list[0], oidKeyBag), bag(t, list[1], oidCertBag), bag(t, list[0], oidCertBag)), "key leaf middle root"},
		{"an encrypted one among them", sealed(t, bag(t, list[1], oidCertBag), encrypted, bag(t, list[0], oidCertBag), bag(t, list[0], oidKeyBag)), "key leaf middle root"},
		{"no key", sealed(t, bag(t, list[1], oidCertBag), bag(t, list[0], oidCertBag)), "leaf middle"},
		{"two keys", sealed(t, bag(t, list[0], oidKeyBag), bag(t, other, oidKeyBag), bag(t, list[0], oidCertBag), bag(t, other, oidCertBag)), "key key leaf other"},
	} {
		parts, _ := shape(t, SecretInput{Value: value(m.text), Backed: true, ContentType: typePKCS12, Chain: true})
		if got := names(t, parts[""]); got != m.want {
			t.Errorf("%s: %s", m.name, got)
		}
	}
	for name, text := range map[string]string{"nothing": sealed(t), "only a key": sealed(t, bag(t, list[0], oidKeyBag))} {
		if _, err := Secret(SecretInput{Value: value(text), Backed: true, ContentType: typePKCS12}); fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// encryptedSafe is a safe of one certificate under 3DES, its empty password spelt as no bytes at all, which is how
// some Windows versions write it.
func encryptedSafe(t *testing.T, cert *x509.Certificate) contentInfo {
	t.Helper()
	inner, err := certificateBagValue(cert)
	if err != nil {
		t.Fatal(err)
	}
	bags, err := asn1.Marshal([]safeBag{{ID: oidCertBag, Value: explicit(inner)}})
	if err != nil {
		t.Fatal(err)
	}
	salt := []byte("saltsalt")
	block, err := des.NewTripleDESCipher(derive(1, salt, 24))
	if err != nil {
		t.Fatal(err)
	}
	padding := 8 - len(bags)%8
	bags = append(bags, bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, derive(2, salt, 8)).CryptBlocks(bags, bags)
	return encryptedInfo(t, salt, 1, bags)
}

// derive is the key derivation of RFC 7292 B.2 for no password, one iteration, at most two rounds.
func derive(id byte, salt []byte, size int) []byte {
	diversifier := bytes.Repeat([]byte{id}, 64)
	block := slices.Repeat(salt, 8)
	first := sha1.Sum(append(diversifier, block...))
	b := new(big.Int).SetBytes(slices.Repeat(first[:], 4)[:64])
	b.Add(b, new(big.Int).SetBytes(block)).Add(b, big.NewInt(1)).Mod(b, new(big.Int).Lsh(big.NewInt(1), 512))
	second := sha1.Sum(append(diversifier, b.FillBytes(make([]byte, 64))...))
	return append(first[:], second[:]...)[:size]
}

func encryptedInfo(t *testing.T, salt []byte, iterations int64, encrypted []byte) contentInfo {
	t.Helper()
	parameters, err := asn1.Marshal(struct {
		Salt       []byte
		Iterations int64
	}{salt, iterations})
	if err != nil {
		t.Fatal(err)
	}
	type content struct {
		ContentType asn1.ObjectIdentifier
		Algorithm   pkix.AlgorithmIdentifier
		Encrypted   []byte `asn1:"tag:0,optional"`
	}
	der, err := asn1.Marshal(struct {
		Version int
		Content content
	}{0, content{oidData, pkix.AlgorithmIdentifier{
		Algorithm:  asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3},
		Parameters: asn1.RawValue{FullBytes: parameters},
	}, encrypted}})
	if err != nil {
		t.Fatal(err)
	}
	return contentInfo{oidEncryptedData, explicit(der)}
}

// A file may state any number of iterations; none of these may be begun.
func TestSecretRefusesEndlessKeyDerivation(t *testing.T) {
	t.Parallel()
	leaf := chain(t, false, "leaf")[0]
	shrouded := func(iterations int) []byte {
		der, err := pkcs12.Modern2023.Encode(leaf.key, leaf.cert, nil, "")
		if err != nil {
			t.Fatal(err)
		}
		return bytes.ReplaceAll(der, []byte{2, 2, 8, 0}, []byte{2, 2, 0x7f, byte(iterations)}) // 2048 -> about 32,600
	}
	for name, text := range map[string]string{
		"in a safe":           sealed(t, bag(t, leaf, oidCertBag), encryptedInfo(t, []byte("saltsalt"), 1<<40, make([]byte, 64))),
		"beyond 63 bits":      sealed(t, bag(t, leaf, oidCertBag), contentInfo{oidEncryptedData, explicit([]byte{0x30, 0})}),
		"in many safes":       sealed(t, slices.Repeat([]contentInfo{encryptedInfo(t, []byte("saltsalt"), 700_000, make([]byte, 64))}, 3)...),
		"negative in between": sealed(t, encryptedInfo(t, nil, -1<<60, make([]byte, 64)), encryptedInfo(t, nil, 1<<60, make([]byte, 64))),
	} {
		_, err := Secret(SecretInput{Value: value(text), Backed: true, ContentType: typePKCS12})
		if err == nil || !strings.Contains(err.Error(), "more key derivation than a certificate is worth") {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, bagged := range []string{base64Of(shrouded(0xff))} { // many, and still within the bound
		if _, err := Secret(SecretInput{Value: value(bagged), Backed: true, ContentType: typePKCS12}); err == nil || strings.Contains(err.Error(), "key derivation") {
			t.Errorf("%v", err)
		}
	}
}

// A key within an encrypted safe could state endless iterations unseen; it is refused before it is decrypted.
func TestSecretRefusesAKeyEncryptedTwice(t *testing.T) {
	t.Parallel()
	leaf := chain(t, false, "leaf")[0]
	inner, err := asn1.Marshal([]safeBag{{ID: oidShroudedKeyBag, Value: explicit([]byte{0x30, 0})}})
	if err != nil {
		t.Fatal(err)
	}
	salt := []byte("saltsalt")
	block, err := des.NewTripleDESCipher(derive(1, salt, 24))
	if err != nil {
		t.Fatal(err)
	}
	padding := 8 - len(inner)%8
	inner = append(inner, bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, derive(2, salt, 8)).CryptBlocks(inner, inner)
	text := sealed(t, bag(t, leaf, oidCertBag), encryptedInfo(t, salt, 1, inner))
	if _, err := Secret(SecretInput{Value: value(text), Backed: true, ContentType: typePKCS12}); err == nil || !strings.Contains(err.Error(), "not a PKCS#12 that can be read") {
		t.Error(err)
	}
}
