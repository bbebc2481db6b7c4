// Package params reads the Azure parameters of a SecretProviderClass into a typed Request, or tells every problem of
// every parameter and object at once, before anybody makes a call. It decides which identity a volume uses and can
// say why. It is pure: no file, no network, no clock; an expiry is handed on to whoever has one.
//
// It holds the wire spellings, aliases and defaults, and nobody else does. Names and rules are those of the Azure
// provider for the Secrets Store CSI Driver. What that one ignores in silence is said in Request.Notes; what it finds
// out only after network calls is a problem here.
package params

import (
	"io/fs"
	"time"

	"strongroom/internal/material"
	"strongroom/internal/secret"
)

// Input is what a provider was handed for one volume.
type Input struct {
	// Attributes are the class's parameters, the volume's attributes and the kubelet's pod information together.
	// Parameter names count in any case.
	Attributes map[string]string
	// Secrets is the content of nodePublishSecretRef; nil when there is none. From Kubernetes 1.35 on it may carry
	// the service account tokens as well.
	Secrets map[string]secret.Value
	// Mode is the permission of files whose object names none.
	Mode fs.FileMode
	// DefaultCloud is the cloud of classes that name none; empty means the public one.
	DefaultCloud string
	// DefaultAudience is what a service account token must be for in the operator's own custom environment; empty where
	// the default cloud has a name.
	DefaultAudience string
	// Split says that the certificates and keys of certificate-backed secrets are also written apart, as
	// <path>.crt and <path>.key, so that no other object may want those names.
	Split bool
}

// Request is one volume's parameters, checked.
type Request struct {
	Pod      secret.Pod
	Identity Identity
	Tenant   string // a GUID, a domain, or "adfs"
	Vault    string // the vault's name, as written
	// CloudName is canonical (cloud.Named takes it); cloud.Stack means that CloudFile describes the cloud.
	CloudName string
	// CloudFile is the bare name of a custom environment file; empty when the class names none.
	CloudFile string
	// CloudDir is the directory of an absolute cloudEnvFileName, else empty. The caller must refuse any that is not
	// its own.
	CloudDir string
	Objects  []Object
	// LastKnownGood is how old content may be that a first mount is served during an outage; 0 means never.
	LastKnownGood time.Duration
	// Notes are findings that stop nothing: a parameter without effect, a field that looks misspelt.
	Notes []string
}

// Identity is who the volume is to Azure. The zero value is none.
type Identity struct {
	Mode secret.Mode
	// ClientID is the client id to ask for; empty for a system-assigned identity and for pod identity, where NMI
	// decides.
	ClientID string
	// Why is one sentence that names the deciding parameter.
	Why        string
	Assertion  *Assertion  // for workload identity and identity binding, else nil
	Credential *Credential // for a service principal, else nil
}

// Assertion is a service account token together with what it claims. Its signature is Azure's to verify; its subject
// and audience have been checked against the pod, its times have not.
type Assertion struct {
	Raw       secret.Value
	Issuer    string
	Subject   string
	Audience  string    // the one that was asked for; the token may have others
	NotBefore time.Time // zero when the token does not say
	Expires   time.Time
}

// Credential is a service principal's: either Secret or Certificate is set.
type Credential struct {
	ClientID            string
	Secret              secret.Value
	Certificate         secret.Value // PEM with key and certificate, or base64 PKCS#12
	CertificatePassword secret.Value // empty when there is none
}

// Object is one object to fetch and the file or files it becomes.
type Object struct {
	secret.Object
	Path     string // relative, slash-separated, clean
	Format   material.Format
	Encoding material.Encoding
	Mode     fs.FileMode
	// History is how many of the newest versions to write, as Path/0 to Path/<History-1>. 0 means the one version,
	// at Path itself; it is never 1.
	History  int
	Optional bool // a missing or forbidden object gives no file instead of failing the mount
}
