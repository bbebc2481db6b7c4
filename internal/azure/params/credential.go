package params

import (
	"bytes"
	"encoding/base64"
	"maps"
	"slices"
	"strings"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/secret"
)

// Keys of the Secret of a service principal, in any case.
const (
	keySecretClient      = "clientid"
	keySecretPassword    = "clientsecret"
	keySecretCertificate = "clientcertificate"
	keySecretCertPass    = "clientcertificatepassword"
)

const nodePublish = "nodePublishSecretRef"

// credential is the service principal of nodePublishSecretRef: a client id with a secret or a certificate.
func (d *decoder) credential() *Credential {
	secrets := map[string]secret.Value{}
	for _, key := range slices.Sorted(maps.Keys(d.in.Secrets)) {
		if secretsstore.Reserved(key) {
			continue // the kubelet's tokens travel here too
		}
		lower := strings.ToLower(key)
		if other, twice := secrets[lower]; twice && !other.Equal(d.in.Secrets[key]) {
			d.problem(nodePublish, "key %s is given twice, in different case and with different values", lower).
				Mend("keep only %s", lower)
		}
		secrets[lower] = d.in.Secrets[key]
	}
	if len(secrets) == 0 {
		d.service("failed to get credentials, nodePublishSecretRef secret is not set").
			Mend("set nodePublishSecretRef on the volume to a Secret with clientid and clientsecret, or clientID for workload identity")
		return nil
	}
	c := &Credential{
		ClientID:            string(bytes.TrimSpace(secrets[keySecretClient].Reveal())),
		Secret:              d.line(keySecretPassword, secrets[keySecretPassword]),
		Certificate:         secrets[keySecretCertificate],
		CertificatePassword: d.line(keySecretCertPass, secrets[keySecretCertPass]),
	}
	d.checkCredential(c)
	return c
}

func (d *decoder) checkCredential(c *Credential) {
	const example = "kubectl create secret generic secrets-store-creds --from-literal clientid=<client id> --from-literal clientsecret=<secret>"
	switch {
	case c.ClientID == "":
		d.service("could not find clientid in secrets").Mend(example)
	case !plainWord.MatchString(c.ClientID): // not shown: it may be the secret, stored under the wrong key
		d.service("clientid in secrets is not a client id").Mend(example)
	case !guid.MatchString(c.ClientID) && guid.Match(bytes.TrimSpace(c.Secret.Reveal())): // or it would be told as the client id
		d.service("clientid in secrets is no client id and clientsecret looks like one: they are swapped").Mend(example)
	}
	switch {
	case c.Secret.Len() == 0 && c.Certificate.Len() == 0:
		d.service("could not find clientsecret in secrets").Mend(example)
	case c.Secret.Len() > 0 && c.Certificate.Len() > 0:
		d.service("both clientsecret and clientcertificate are in secrets, and only one can be used").Mend("remove one of them")
	case c.Certificate.Len() > 0 && !certificateLike(c.Certificate):
		d.service("clientcertificate in secrets is neither PEM nor base64 PKCS#12")
	}
}

func (d *decoder) service(message string) *fault.Error {
	return d.authProblem("None", fault.New(fault.Invalid, nodePublish, "%s", message))
}

// line drops the line break that `echo` leaves at the end of a password; Entra's own never end in one.
func (d *decoder) line(key string, v secret.Value) secret.Value {
	trimmed := bytes.TrimRight(v.Reveal(), "\r\n")
	if len(trimmed) != v.Len() {
		d.note("%s: a line break at the end of %s was dropped", nodePublish, key)
	}
	return secret.NewValue(trimmed)
}

// certificateLike is a first look; whoever signs with the certificate parses it.
func certificateLike(v secret.Value) bool {
	if bytes.Contains(v.Reveal(), []byte("-----BEGIN ")) {
		return true
	}
	der, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(v.Reveal())))
	return err == nil && len(der) > 0 && der[0] == 0x30
}
