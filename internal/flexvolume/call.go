package flexvolume

import (
	"encoding/base64"
	"strconv"
	"strings"

	"strongroom/internal/secret"
)

// Keys of the options that the kubelet adds.
const (
	keyPodName      = kubelets + "pod.name"
	keyPodNamespace = kubelets + "pod.namespace"
	keyPodUID       = kubelets + "pod.uid"
	keyAccount      = kubelets + "serviceAccount.name"
	keyVolume       = kubelets + "pvOrVolumeName"
	keyGroup        = kubelets + "mounterArgs.FsGroup"
	keySecret       = kubelets + "secret/" // and the key within the Secret
)

// Keys of the Secret of a service principal.
const (
	secretClient      = "clientid"
	secretPassword    = "clientsecret"
	secretCertificate = "clientcertificate"
)

// Call is one mount: what the pod's author asks for, and what the kubelet says besides.
type Call struct {
	Spec
	Pod    secret.Pod
	Volume string // its name in the pod
	Group  *int   // the pod's fsGroup; nil when it has none
	// Secrets is the content of secretRef, keys in lower case; nil when no service principal is asked for.
	Secrets map[string]secret.Value
}

// ReadCall reads the options that the kubelet gives to mount. The error tells every problem at once, and nothing of what
// the Secret holds.
func ReadCall(text []byte) (Call, error) {
	options, err := decodeOptions(text)
	if err != nil {
		return Call{}, err
	}
	r := newReader(options)
	c := Call{
		Spec: r.spec(),
		Pod: secret.Pod{
			Namespace: r.options[keyPodNamespace], Name: r.options[keyPodName], UID: r.options[keyPodUID],
			ServiceAccount: r.options[keyAccount],
		},
		Volume: r.options[keyVolume],
		Group:  r.group(),
	}
	if c.Mode == secret.ServicePrincipal {
		c.Secrets = r.secrets()
	}
	for _, key := range []string{keyPodNamespace, keyPodName} {
		if r.options[key] == "" {
			r.empty(strings.TrimPrefix(key, kubelets)).Mend("a kubelet since Kubernetes 1.8 gives it")
		}
	}
	if err := r.problems.AsError(); err != nil {
		return Call{Pod: c.Pod, Volume: c.Volume}, err
	}
	return c, nil
}

func (r *reader) group() *int {
	text := r.options[keyGroup]
	if text == "" {
		return nil
	}
	group, err := strconv.Atoi(text)
	if err != nil || group < 0 {
		r.wrong(keyGroup, "is no group id")
		return nil
	}
	return &group
}

// secrets decodes what the kubelet read from the Secret, whose keys may be in any case. Line breaks and blanks amid
// base64 are passed over, as the original did.
func (r *reader) secrets() map[string]secret.Value {
	values := map[string]secret.Value{}
	for key, text := range r.options {
		name, ours := strings.CutPrefix(key, keySecret)
		if !ours {
			continue
		}
		value, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
		if err != nil {
			r.wrong(key, "is not base64, which the kubelet makes of every key of a Secret")
			continue
		}
		values[strings.ToLower(name)] = secret.NewValue(value)
	}
	const example = "kubectl create secret generic kvcreds --type=azure/kv --from-literal clientid=<client id> --from-literal clientsecret=<secret>"
	if values[secretClient].Len() == 0 {
		r.empty("secret/" + secretClient).Mend("secretRef: {name: kvcreds}, and " + example)
	}
	if values[secretPassword].Len() == 0 && values[secretCertificate].Len() == 0 {
		r.empty("secret/" + secretPassword).Mend(example)
	}
	return values
}

// Credentials says whether a text of options may hold a Secret's values, without looking closer.
func Credentials(text string) bool { return strings.Contains(text, "secret/") }
