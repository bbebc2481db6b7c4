package publish

import (
	"context"
	"maps"
	"slices"
	"strings"

	"strongroom/api/secretsstore"
	"strongroom/internal/fault"
)

// class finds the volume's class and refuses one that could never work. The texts are what people's alerts match on.
func (p *Publisher) class(ctx context.Context, v Volume) (secretsstore.Class, error) {
	if v.Class == "" {
		return secretsstore.Class{}, fault.New(fault.Invalid, "", "secretProviderClass is not set").
			Mend("name a %s in the volume's volumeAttributes.secretProviderClass", secretsstore.KindClass)
	}
	class, err := p.Classes.Class(ctx, v.Pod.Namespace, v.Class)
	if err != nil {
		return class, fault.Wrap(err, fault.KindOf(err), "", "failed to get secretproviderclass %s/%s, error", v.Pod.Namespace, v.Class)
	}
	if class.Spec.Provider == "" {
		return class, fault.New(fault.Invalid, "", "provider not set in %s/%s", v.Pod.Namespace, v.Class).Mend("spec.provider: azure")
	}
	if len(class.Spec.Parameters) == 0 {
		return class, fault.New(fault.Invalid, "", "parameters not set in %s/%s", v.Pod.Namespace, v.Class)
	}
	return class, nil
}

// attributes are the class's parameters with the pod's own attributes over them. Keys that only the kubelet may set
// are taken from neither, in whatever case they are written: a provider may not care about case.
func (p *Publisher) attributes(class secretsstore.Class, v Volume) (map[string]string, error) {
	merged := make(map[string]string, len(class.Spec.Parameters)+len(v.Attributes)+8)
	maps.Copy(merged, class.Spec.Parameters)
	maps.Copy(merged, v.Attributes)
	maps.DeleteFunc(merged, func(key, _ string) bool { return secretsstore.Reserved(key) })
	if !p.ForbidOverride {
		return merged, nil
	}
	if bent := bending(class.Spec.Parameters, v.Attributes); len(bent) > 0 {
		return nil, fault.New(fault.Denied, "volumeAttributes", "%s would replace or add parameters of class %s/%s, which this cluster's operator forbids",
			strings.Join(bent, ", "), v.Pod.Namespace, v.Class).Mend("remove them from the pod, or put them into a class of its own")
	}
	return merged, nil
}

// bending lists the attributes that say something else than the class does. An addition counts like a replacement, since
// a provider may prefer another spelling of a parameter, or a parameter that switches others off.
func bending(parameters, attributes map[string]string) (keys []string) {
	for key, value := range attributes {
		if !secretsstore.Reserved(key) && !says(parameters, key, value) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// says reports whether the class has this parameter with this value, in whatever case it writes the key.
func says(parameters map[string]string, key, value string) bool {
	found := false
	for name, own := range parameters {
		if strings.EqualFold(name, key) {
			if own != value {
				return false
			}
			found = true
		}
	}
	return found
}

// withPodInfo adds what the kubelet stated, in the keys every provider knows.
func withPodInfo(attributes map[string]string, v Volume) map[string]string {
	full := maps.Clone(attributes)
	full[secretsstore.AttrClass] = v.Class
	full[secretsstore.AttrPodName] = v.Pod.Name
	full[secretsstore.AttrPodNamespace] = v.Pod.Namespace
	full[secretsstore.AttrPodUID] = v.Pod.UID
	full[secretsstore.AttrServiceAccount] = v.Pod.ServiceAccount
	full[secretsstore.AttrEphemeral] = "true"
	if v.Tokens.Len() > 0 {
		full[secretsstore.AttrServiceAccountToken] = string(v.Tokens.Reveal())
	}
	return full
}
