{{- /*
The values as the templates use them, after the older spelling "secrets-store-csi-driver" has had its say. YAML, for
fromYaml:

  everything of the top level but linux and windows, with the older block's keys laid over it;
  driver      linux, then linux.driver, then the older block's linux and linux.driver; log settings of its own
  provider    linux, then linux.provider
  install     driver, provider, controller, crds: whether each is there

The older block is for a driver alone: where its "install" is false, somebody else's driver is there, with its CSIDriver
and its CRDs, and only the provider is installed.
*/}}
{{- define "strongroom.settings" -}}
{{- $linux := .Values.linux -}}
{{- $old := index .Values "secrets-store-csi-driver" | default dict -}}
{{- $oldLinux := $old.linux | default dict -}}
{{- $s := deepCopy (omit .Values "linux" "windows" "secrets-store-csi-driver" "global") -}}
{{- range $key := list "syncSecret" "enableSecretRotation" "rotationPollInterval" "tokenRequests" "rbac" "livenessProbe" "maxCallRecvMsgSize" "commonLabels" "imagePullSecrets" "automountServiceAccountToken" -}}
{{- if and (hasKey $old $key) (not (kindIs "invalid" (get $old $key))) -}}
{{- if kindIs "map" (get $old $key) -}}
{{- $_ := set $s $key (mergeOverwrite (deepCopy (get $s $key | default dict)) (get $old $key)) -}}
{{- else -}}
{{- $_ := set $s $key (get $old $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $both := omit (deepCopy $linux) "driver" "provider" "crds" "image" "resources" "privileged" "enabled" -}}
{{- $driver := mergeOverwrite (deepCopy $both) (dict "logVerbosity" .Values.logVerbosity "logFormatJSON" .Values.logFormatJSON) (deepCopy ($linux.driver | default dict)) (omit (deepCopy $oldLinux) "driver" "crds" "image" "resources" "privileged" "enabled") (deepCopy ($oldLinux.driver | default dict)) (pick $old "logVerbosity" "logFormatJSON") -}}
{{- $provider := mergeOverwrite (deepCopy $both) (pick $linux "resources" "privileged") (deepCopy ($linux.provider | default dict)) -}}
{{- $ours := and (not (eq (toString $old.install) "false")) (not (eq (toString $oldLinux.enabled) "false")) -}}
{{- $crds := ne (toString (($oldLinux.crds | default dict).enabled)) "false" -}}
{{- $on := dict "driver" (and $ours $linux.enabled $linux.driver.enabled) "provider" (and $linux.enabled $linux.provider.enabled) "controller" (and $ours .Values.controller.enabled) "crds" (and $ours $crds $linux.crds.enabled (or $linux.enabled .Values.controller.enabled)) -}}
{{- toYaml (mergeOverwrite $s (dict "driver" $driver "provider" $provider "install" $on)) -}}
{{- end }}

{{- /* A number that YAML may have made a float of. */}}
{{- define "strongroom.port" -}}
{{- . | toString | trimPrefix ":" | splitList ":" | last | int -}}
{{- end }}
