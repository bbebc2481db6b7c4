package e2e

import corev1 "k8s.io/api/core/v1"

// DriverName is the product's CSI driver, and of those it takes the place of.
const DriverName = "secrets-store.csi.k8s.io"

// Mounting mounts a class at /mnt/CLASS. Attributes, pairs of name and value, are more volumeAttributes.
func Mounting(class string, attributes ...string) With {
	return func(p *corev1.PodTemplateSpec) {
		all := map[string]string{"secretProviderClass": class}
		for i := 0; i+1 < len(attributes); i += 2 {
			all[attributes[i]] = attributes[i+1]
		}
		volume(p, class, DriverName, all)
	}
}

// MountingOf mounts an inline volume of any driver at /mnt/NAME.
func MountingOf(driver, name string, attributes map[string]string) With {
	return func(p *corev1.PodTemplateSpec) { volume(p, name, driver, attributes) }
}

func volume(p *corev1.PodTemplateSpec, name, driver string, attributes map[string]string) {
	yes := true
	p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{
		CSI: &corev1.CSIVolumeSource{Driver: driver, ReadOnly: &yes, VolumeAttributes: attributes}}})
	main := &p.Spec.Containers[0]
	main.VolumeMounts = append(main.VolumeMounts, corev1.VolumeMount{Name: name, MountPath: "/mnt/" + name, ReadOnly: true})
}

// Credential names the Secret that the kubelet hands to the driver with every volume mounted so far.
func Credential(secret string) With {
	return func(p *corev1.PodTemplateSpec) {
		for i := range p.Spec.Volumes {
			if csi := p.Spec.Volumes[i].CSI; csi != nil {
				csi.NodePublishSecretRef = &corev1.LocalObjectReference{Name: secret}
			}
		}
	}
}

// As lets the pod run as a service account.
func As(account string) With {
	return func(p *corev1.PodTemplateSpec) { p.Spec.ServiceAccountName = account }
}

// User lets the pod's processes be of that user and no other.
func User(id int64) With {
	return func(p *corev1.PodTemplateSpec) {
		yes := true
		security(p).RunAsUser, security(p).RunAsNonRoot = &id, &yes
	}
}

// Group is the pod's fsGroup.
func Group(id int64) With {
	return func(p *corev1.PodTemplateSpec) { security(p).FSGroup = &id }
}

func security(p *corev1.PodTemplateSpec) *corev1.PodSecurityContext {
	if p.Spec.SecurityContext == nil {
		p.Spec.SecurityContext = &corev1.PodSecurityContext{}
	}
	return p.Spec.SecurityContext
}

// Running is what the pod runs instead of sleeping.
func Running(command ...string) With {
	return func(p *corev1.PodTemplateSpec) { p.Spec.Containers[0].Command = command }
}

// Of is the image the pod runs instead of the usual one.
func Of(image string) With {
	return func(p *corev1.PodTemplateSpec) { p.Spec.Containers[0].Image = image }
}

// Once is for pods that end: nothing starts their container again.
func Once() With {
	return func(p *corev1.PodTemplateSpec) { p.Spec.RestartPolicy = corev1.RestartPolicyNever }
}

// Labelled gives the pod a label.
func Labelled(name, value string) With {
	return func(p *corev1.PodTemplateSpec) {
		if p.Labels == nil {
			p.Labels = map[string]string{}
		}
		p.Labels[name] = value
	}
}

// FromSecret gives the pod an environment variable from a Secret.
func FromSecret(variable, secret, key string) With {
	return func(p *corev1.PodTemplateSpec) {
		main := &p.Spec.Containers[0]
		main.Env = append(main.Env, corev1.EnvVar{Name: variable, ValueFrom: &corev1.EnvVarSource{
			SecretKeyRef: &corev1.SecretKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: secret}, Key: key}}})
	}
}

// Token projects a service account token for an audience to /var/run/tokens/token.
func Token(audience string) With {
	return func(p *corev1.PodTemplateSpec) {
		p.Spec.Volumes = append(p.Spec.Volumes, corev1.Volume{Name: "tokens", VolumeSource: corev1.VolumeSource{
			Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{{
				ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Audience: audience, Path: "token"}}}}}})
		main := &p.Spec.Containers[0]
		main.VolumeMounts = append(main.VolumeMounts, corev1.VolumeMount{Name: "tokens", MountPath: "/var/run/tokens", ReadOnly: true})
	}
}
