package keyvault_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/to"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azcertificates"
	"github.com/Azure/azure-sdk-for-go/sdk/security/keyvault/azsecrets"
	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"strongroom/internal/emulator/keyvault"
)

func certificatesClient(w *world) *azcertificates.Client {
	client, err := azcertificates.NewClient(w.url(), static{}, &azcertificates.ClientOptions{ClientOptions: w.options()})
	must(w.t, err)
	return client
}

func selfSigned(subject string) azcertificates.CreateCertificateParameters {
	return azcertificates.CreateCertificateParameters{CertificatePolicy: &azcertificates.CertificatePolicy{
		IssuerParameters:          &azcertificates.IssuerParameters{Name: to.Ptr("Self")},
		X509CertificateProperties: &azcertificates.X509CertificateProperties{Subject: &subject},
	}}
}

// TestCertificatesSDKCreate follows a self-signed certificate from request to finished trio with the defaults.
func TestCertificatesSDKCreate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{Issuing: 6 * time.Second})
	c, ctx := certificatesClient(w), t.Context()
	began, err := c.CreateCertificate(ctx, "web", selfSigned("CN=www.example.com"), nil)
	must(t, err)
	equal(t, "status", *began.Status, "inProgress")
	_, err = x509.ParseCertificateRequest(began.CSR)
	must(t, err)

	_, err = secretsClient(w).GetSecret(ctx, "web", "", nil)
	hasCode(t, err, 403, "Forbidden") // disabled while pending
	pending, err := c.GetCertificate(ctx, "web", "", nil)
	must(t, err)
	equal(t, "no certificate yet", len(pending.CER), 0)
	list, err := c.NewListCertificatePropertiesPager(nil).NextPage(ctx)
	must(t, err)
	equal(t, "not listed", len(list.Value), 0)
	list, err = c.NewListCertificatePropertiesPager(
		&azcertificates.ListCertificatePropertiesOptions{IncludePending: to.Ptr(true)}).NextPage(ctx)
	must(t, err)
	equal(t, "listed as pending", len(list.Value), 1)
	_, err = c.CreateCertificate(ctx, "web", selfSigned("CN=again"), nil)
	hasCode(t, err, 409, "Conflict")

	w.clock.Advance(6 * time.Second)
	op, err := c.GetCertificateOperation(ctx, "web", nil)
	must(t, err)
	equal(t, "completed", *op.Status, "completed")
	equal(t, "target", *op.Target, w.url()+"/certificates/web")
	made, err := c.GetCertificate(ctx, "web", "", nil)
	must(t, err)
	checkDefaults(t, w, made.Certificate)
	checkBacking(t, w, made.Certificate)
}

func checkDefaults(t *testing.T, w *world, c azcertificates.Certificate) {
	t.Helper()
	leaf, err := x509.ParseCertificate(c.CER)
	must(t, err)
	equal(t, "subject", leaf.Subject.CommonName, "www.example.com")
	equal(t, "algorithm", leaf.PublicKeyAlgorithm, x509.RSA)
	equal(t, "usage", leaf.KeyUsage, x509.KeyUsageDigitalSignature|x509.KeyUsageKeyEncipherment)
	equal(t, "ext usage", len(leaf.ExtKeyUsage), 2)
	equal(t, "not before", leaf.NotBefore.Equal(w.clock.Now().Add(-600*time.Second)), true)
	equal(t, "attribute", c.Attributes.Expires.Equal(leaf.NotAfter), true)
	equal(t, "key size", *c.Policy.KeyProperties.KeySize, 2048)
	equal(t, "exportable", *c.Policy.KeyProperties.Exportable, true)
	equal(t, "content type", *c.Policy.SecretProperties.ContentType, "application/x-pkcs12")
	equal(t, "action", *c.Policy.LifetimeActions[0].Action.ActionType, azcertificates.CertificatePolicyActionAutoRenew)
	equal(t, "at", *c.Policy.LifetimeActions[0].Trigger.LifetimePercentage, 80)
	equal(t, "months", *c.Policy.X509CertificateProperties.ValidityInMonths, 12)
}

// checkBacking reads the key and the secret of the same name and version.
func checkBacking(t *testing.T, w *world, c azcertificates.Certificate) {
	t.Helper()
	equal(t, "kid's version", c.KID.Version(), c.ID.Version())
	equal(t, "sid's version", c.SID.Version(), c.ID.Version())
	s, err := secretsClient(w).GetSecret(t.Context(), c.ID.Name(), c.ID.Version(), nil)
	must(t, err)
	equal(t, "managed", *s.Managed, true)
	equal(t, "kid", string(*s.KID), string(*c.KID))
	pfx, err := base64.StdEncoding.DecodeString(*s.Value)
	must(t, err)
	_, leaf, _, err := pkcs12.DecodeChain(pfx, "")
	must(t, err)
	equal(t, "leaf", bytes.Equal(leaf.Raw, c.CER), true)
	again, err := secretsClient(w).GetSecret(t.Context(), c.ID.Name(), "", nil)
	must(t, err)
	equal(t, "same bytes each time", *again.Value, *s.Value)
	k, err := keysClient(w).GetKey(t.Context(), c.ID.Name(), c.ID.Version(), nil)
	must(t, err)
	equal(t, "key managed", *k.Managed, true)

	text, err := secretsClient(w).GetSecret(t.Context(), c.ID.Name(), "",
		&azsecrets.GetSecretOptions{OutContentType: to.Ptr(azsecrets.ContentTypePEM)})
	must(t, err)
	block, _ := pem.Decode([]byte(*text.Value))
	equal(t, "first block", block.Type, "PRIVATE KEY")
	equal(t, "content type asked for", *text.ContentType, "application/x-pem-file")
}

// TestCertificatesSDKLife updates, lists, deletes, recovers, purges, backs up and restores.
func TestCertificatesSDKLife(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	must(t, w.kv.Seed("v1", []keyvault.Object{{Kind: "certificate", Name: "web", Versions: []keyvault.Version{{}, {}}}}))
	c, ctx := certificatesClient(w), t.Context()
	updated, err := c.UpdateCertificate(ctx, "web", "", azcertificates.UpdateCertificateParameters{
		CertificateAttributes: &azcertificates.CertificateAttributes{Enabled: to.Ptr(false)},
		Tags:                  map[string]*string{"a": to.Ptr("b")}}, nil)
	must(t, err)
	equal(t, "disabled", *updated.Attributes.Enabled, false)
	_, err = secretsClient(w).GetSecret(ctx, "web", "", nil)
	hasCode(t, err, 403, "Forbidden") // the secret went along
	versions, err := c.NewListCertificatePropertiesVersionsPager("web", nil).NextPage(ctx)
	must(t, err)
	equal(t, "versions", len(versions.Value), 2)
	equal(t, "thumbprint", len(versions.Value[0].X509Thumbprint), 20)

	p, err := c.GetCertificatePolicy(ctx, "web", nil)
	must(t, err)
	equal(t, "key type", *p.KeyProperties.KeyType, azcertificates.KeyTypeEC)
	p2, err := c.UpdateCertificatePolicy(ctx, "web", azcertificates.CertificatePolicy{
		SecretProperties: &azcertificates.SecretProperties{ContentType: to.Ptr("application/x-pem-file")}}, nil)
	must(t, err)
	equal(t, "new form", *p2.SecretProperties.ContentType, "application/x-pem-file")
	equal(t, "key type kept", *p2.KeyProperties.KeyType, azcertificates.KeyTypeEC)

	saved, err := c.BackupCertificate(ctx, "web", nil)
	must(t, err)
	_, err = c.DeleteCertificate(ctx, "web", nil)
	must(t, err)
	_, err = secretsClient(w).GetSecret(ctx, "web", "", nil)
	hasCode(t, err, 404, "SecretNotFound")
	deleted, err := c.NewListDeletedCertificatePropertiesPager(nil).NextPage(ctx)
	must(t, err)
	equal(t, "deleted listed", len(deleted.Value), 1)
	_, err = c.RecoverDeletedCertificate(ctx, "web", nil)
	must(t, err)
	_, err = keysClient(w).GetKey(ctx, "web", "", nil)
	must(t, err)
	_, err = c.DeleteCertificate(ctx, "web", nil)
	must(t, err)
	_, err = c.GetDeletedCertificate(ctx, "web", nil)
	must(t, err)
	_, err = c.PurgeDeletedCertificate(ctx, "web", nil)
	must(t, err)
	_, err = c.RestoreCertificate(ctx, azcertificates.RestoreCertificateParameters{CertificateBackup: saved.Value}, nil)
	must(t, err)
	_, err = keysClient(w).GetKey(ctx, "web", "", nil)
	must(t, err)
}

// TestCertificatesSDKImport brings a certificate as PEM and as PKCS#12 with a password, in both encodings.
func TestCertificatesSDKImport(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{Encoding: keyvault.Modern})
	c, ctx := certificatesClient(w), t.Context()
	key, leaf := ownCertificate(t)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})) +
		string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}))
	imported, err := c.ImportCertificate(ctx, "pem", azcertificates.ImportCertificateParameters{
		Base64EncodedCertificate: &text, CertificatePolicy: &azcertificates.CertificatePolicy{
			SecretProperties: &azcertificates.SecretProperties{ContentType: to.Ptr("application/x-pem-file")}}}, nil)
	must(t, err)
	equal(t, "issuer", *imported.Policy.IssuerParameters.Name, "Unknown")
	equal(t, "cer", bytes.Equal(imported.CER, leaf.Raw), true)
	s, err := secretsClient(w).GetSecret(ctx, "pem", "", nil)
	must(t, err)
	equal(t, "secret", *s.Value, text)
	equal(t, "content type", *s.ContentType, "application/x-pem-file")

	for name, encoder := range map[string]*pkcs12.Encoder{"legacy": pkcs12.LegacyRC2, "modern": pkcs12.Modern2023} {
		pfx, err := encoder.Encode(key, leaf, nil, "open sesame")
		must(t, err)
		value := base64.StdEncoding.EncodeToString(pfx)
		_, err = c.ImportCertificate(ctx, name, azcertificates.ImportCertificateParameters{
			Base64EncodedCertificate: &value, Password: to.Ptr("wrong")}, nil)
		hasCode(t, err, 400, "BadParameter")
		_, err = c.ImportCertificate(ctx, name, azcertificates.ImportCertificateParameters{
			Base64EncodedCertificate: &value, Password: to.Ptr("open sesame")}, nil)
		must(t, err)
		got, err := c.GetCertificate(ctx, name, "", nil)
		must(t, err)
		checkBacking(t, w, got.Certificate)
	}
}

func ownCertificate(t *testing.T) (*ecdsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "brought"},
		NotBefore: time.Unix(1e9, 0), NotAfter: time.Unix(2e9, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	must(t, err)
	leaf, err := x509.ParseCertificate(der)
	must(t, err)
	return key, leaf
}

// TestCertificatesSDKMerge has someone outside sign the request, and refuses what they signed for another key.
func TestCertificatesSDKMerge(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	c, ctx := certificatesClient(w), t.Context()
	in := selfSigned("CN=outside")
	in.CertificatePolicy.IssuerParameters.Name = to.Ptr("Unknown")
	in.CertificatePolicy.KeyProperties = &azcertificates.KeyProperties{KeyType: to.Ptr(azcertificates.KeyTypeEC)}
	op, err := c.CreateCertificate(ctx, "web", in, nil)
	must(t, err)
	csr, err := x509.ParseCertificateRequest(op.CSR)
	must(t, err)
	caKey, ca := ownCertificate(t)
	_, err = c.MergeCertificate(ctx, "web", azcertificates.MergeCertificateParameters{X509Certificates: [][]byte{ca.Raw}}, nil)
	hasCode(t, err, 400, "BadParameter")
	template := &x509.Certificate{SerialNumber: big.NewInt(8), Subject: csr.Subject, NotBefore: ca.NotBefore, NotAfter: ca.NotAfter}
	der, err := x509.CreateCertificate(rand.Reader, template, ca, csr.PublicKey, caKey)
	must(t, err)
	merged, err := c.MergeCertificate(ctx, "web",
		azcertificates.MergeCertificateParameters{X509Certificates: [][]byte{der, ca.Raw}}, nil)
	must(t, err)
	equal(t, "enabled", *merged.Attributes.Enabled, true)
	equal(t, "cer", bytes.Equal(merged.CER, der), true)
	checkBacking(t, w, merged.Certificate)
}

// TestCertificatesSDKRequests cancels and forgets a request.
func TestCertificatesSDKRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{Issuing: time.Hour})
	c, ctx := certificatesClient(w), t.Context()
	in := selfSigned("CN=x")
	in.CertificatePolicy.KeyProperties = &azcertificates.KeyProperties{KeyType: to.Ptr(azcertificates.KeyTypeEC)}
	_, err := c.CreateCertificate(ctx, "web", in, nil)
	must(t, err)
	op, err := c.UpdateCertificateOperation(ctx, "web",
		azcertificates.UpdateCertificateOperationParameter{CancellationRequested: to.Ptr(true)}, nil)
	must(t, err)
	equal(t, "cancelling", *op.CancellationRequested, true)
	polled, err := c.GetCertificateOperation(ctx, "web", nil)
	must(t, err)
	equal(t, "cancelled", *polled.Status, "cancelled")
	w.clock.Advance(time.Hour)
	_, err = c.DeleteCertificateOperation(ctx, "web", nil)
	must(t, err)
	_, err = c.GetCertificateOperation(ctx, "web", nil)
	hasCode(t, err, 404, "PendingCertificateNotFound")
	_, err = c.GetCertificate(ctx, "web", "", nil)
	hasCode(t, err, 404, "CertificateNotFound")
}

// TestCertificatesSDKIssuers keeps issuers and contacts; a certificate of a named issuer comes with a chain.
func TestCertificatesSDKIssuers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, keyvault.Traits{})
	c, ctx := certificatesClient(w), t.Context()
	in := selfSigned("CN=x")
	in.CertificatePolicy.IssuerParameters.Name = to.Ptr("acme")
	in.CertificatePolicy.KeyProperties = &azcertificates.KeyProperties{KeyType: to.Ptr(azcertificates.KeyTypeEC)}
	_, err := c.CreateCertificate(ctx, "web", in, nil)
	hasCode(t, err, 400, "BadParameter")
	set, err := c.SetIssuer(ctx, "acme", azcertificates.SetIssuerParameters{Provider: to.Ptr("Test"),
		Credentials: &azcertificates.IssuerCredentials{AccountID: to.Ptr("me"), Password: to.Ptr("pw")}}, nil)
	must(t, err)
	equal(t, "password hidden", set.Credentials.Password == nil, true)
	_, err = c.UpdateIssuer(ctx, "acme", azcertificates.UpdateIssuerParameters{Provider: to.Ptr("OneCert")}, nil)
	must(t, err)
	got, err := c.GetIssuer(ctx, "acme", nil)
	must(t, err)
	equal(t, "provider", *got.Provider, "OneCert")
	equal(t, "account kept", *got.Credentials.AccountID, "me")
	list, err := c.NewListIssuerPropertiesPager(nil).NextPage(ctx)
	must(t, err)
	equal(t, "issuers", len(list.Value), 1)
	_, err = c.CreateCertificate(ctx, "web", in, nil)
	must(t, err)
	s, err := secretsClient(w).GetSecret(ctx, "web", "", nil)
	must(t, err)
	pfx, err := base64.StdEncoding.DecodeString(*s.Value)
	must(t, err)
	_, _, rest, err := pkcs12.DecodeChain(pfx, "")
	must(t, err)
	equal(t, "authorities in the chain", len(rest), 2)
	_, err = c.DeleteIssuer(ctx, "acme", nil)
	must(t, err)
	_, err = c.GetIssuer(ctx, "acme", nil)
	hasCode(t, err, 404, "CertificateIssuerNotFound")

	_, err = c.GetContacts(ctx, nil)
	hasCode(t, err, 404, "ContactsNotFound")
	_, err = c.SetContacts(ctx, azcertificates.Contacts{ContactList: []*azcertificates.Contact{{Email: to.Ptr("a@b.c")}}}, nil)
	must(t, err)
	contacts, err := c.GetContacts(ctx, nil)
	must(t, err)
	equal(t, "contact", *contacts.ContactList[0].Email, "a@b.c")
	_, err = c.DeleteContacts(ctx, nil)
	must(t, err)
}
