package csi

import (
	"path/filepath"
	"strconv"
	"strings"

	spec "github.com/container-storage-interface/spec/lib/go/csi"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
	"strongroom/internal/publish"
	"strongroom/internal/secret"
)

// parsePublish is the checklist of a publish request. The order and the texts of the first lines are the Secrets Store
// CSI Driver's; that a volume is read-only is checked before any work, where it came late there.
func parsePublish(req *spec.NodePublishVolumeRequest) (publish.Volume, error) {
	switch {
	case req.GetVolumeCapability() == nil:
		return publish.Volume{}, invalid("Volume capability missing in request")
	case req.GetVolumeId() == "":
		return publish.Volume{}, invalid("Volume ID missing in request")
	case req.GetTargetPath() == "":
		return publish.Volume{}, invalid("Target path missing in request")
	case !filepath.IsAbs(req.GetTargetPath()):
		return publish.Volume{}, invalid("Target path %q is not absolute", req.GetTargetPath())
	case len(req.GetVolumeContext()) == 0:
		return publish.Volume{}, invalid("Volume attributes missing in request")
	case !req.GetReadonly():
		return publish.Volume{}, invalid("Readonly is not true in request").Mend("set readOnly: true in the pod's csi volume")
	case req.GetVolumeCapability().GetBlock() != nil:
		return publish.Volume{}, invalid("a block device was asked for; this driver has only files")
	}
	told, err := parseContext(req.GetVolumeContext())
	if err != nil {
		return publish.Volume{}, err
	}
	group, err := parseGroup(req.GetVolumeCapability().GetMount().GetVolumeMountGroup())
	if err != nil {
		return publish.Volume{}, err
	}
	secrets, tokens := splitSecrets(req.GetSecrets())
	if tokens.Len() == 0 {
		tokens = told.tokens
	}
	return publish.Volume{
		ID:         req.GetVolumeId(),
		Target:     filepath.Clean(req.GetTargetPath()),
		Pod:        told.pod,
		Class:      told.class,
		Attributes: told.attributes,
		Tokens:     tokens,
		Secrets:    secrets,
		Group:      group,
	}, nil
}

func parseUnpublish(req *spec.NodeUnpublishVolumeRequest) (id, target string, err error) {
	switch {
	case req.GetVolumeId() == "":
		return "", "", invalid("Volume ID missing in request")
	case req.GetTargetPath() == "":
		return "", "", invalid("Target path missing in request")
	}
	return req.GetVolumeId(), filepath.Clean(req.GetTargetPath()), nil
}

// told is what a volume context says, by who says it.
type told struct {
	pod        secret.Pod
	tokens     secret.Value
	class      string
	attributes map[string]string
}

// parseContext separates the kubelet's keys from the author's. Both arrive in one map, in which the kubelet overwrites
// its own; so they are its words when all of them are there, and nobody's otherwise. What else an author puts under the
// kubelet's prefix is dropped.
func parseContext(context map[string]string) (told, error) {
	t := told{
		pod: secret.Pod{
			Namespace:      context[secretsstore.AttrPodNamespace],
			Name:           context[secretsstore.AttrPodName],
			UID:            context[secretsstore.AttrPodUID],
			ServiceAccount: context[secretsstore.AttrServiceAccount],
		},
		tokens:     value(context[secretsstore.AttrServiceAccountToken]),
		class:      strings.TrimSpace(context[secretsstore.AttrClass]),
		attributes: map[string]string{},
	}
	p := t.pod
	if p.Namespace == "" || p.Name == "" || p.UID == "" || p.ServiceAccount == "" || context[secretsstore.AttrEphemeral] == "" {
		return told{}, invalid("the kubelet did not say which pod the volume is for").
			Mend("set podInfoOnMount: true in the CSIDriver object %s", secretsstore.DriverName)
	}
	if t.class == "" {
		return told{}, invalid("secretProviderClass is not set").
			Mend("name a SecretProviderClass in volumeAttributes.secretProviderClass of the pod's csi volume")
	}
	if len(t.class) > maxName {
		return told{}, invalid("secretProviderClass is longer than a name may be: %.40q...", t.class)
	}
	for key, text := range context {
		if key != secretsstore.AttrClass && !secretsstore.Reserved(key) {
			t.attributes[key] = text
		}
	}
	return t, nil
}

// maxName is how long the name of an object in Kubernetes may be.
const maxName = 253

// splitSecrets takes the service account tokens out of the secrets, where a kubelet of 1.35 puts them when the
// CSIDriver object asks for it. A Secret of the author's cannot hold that key, for it has a slash.
func splitSecrets(all map[string]string) (secrets map[string]secret.Value, tokens secret.Value) {
	for key, text := range all {
		switch {
		case key == secretsstore.AttrServiceAccountToken:
			tokens = value(text)
		case secrets == nil:
			secrets = map[string]secret.Value{key: value(text)}
		default:
			secrets[key] = value(text)
		}
	}
	return secrets, tokens
}

// parseGroup reads a group id; nil when the kubelet gave none.
func parseGroup(text string) (*int, error) {
	if text == "" {
		return nil, nil
	}
	n, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return nil, invalid("volume mount group %q is not a group id", text)
	}
	group := int(n)
	return &group, nil
}

func value(text string) secret.Value { return secret.NewValue([]byte(text)) }

func invalid(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "", format, args...)
}
