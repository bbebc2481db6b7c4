{{- define "strongroom.mic.name" -}}
{{- with .Values.podIdentity.fullnameOverride | default .Values.fullnameOverride -}}{{ . | trunc 58 | trimSuffix "-" }}-mic
{{- else -}}aad-pod-identity-mic{{ end -}}
{{- end }}

{{- define "strongroom.nmi.name" -}}
{{- with .Values.podIdentity.fullnameOverride | default .Values.fullnameOverride -}}{{ . | trunc 58 | trimSuffix "-" }}-nmi
{{- else -}}aad-pod-identity-nmi{{ end -}}
{{- end }}

{{- /*
podIdentity as its templates use it, after the loose spellings of the replaced chart have been read. YAML, for fromYaml:

  everything of podIdentity
  on          it is installed at all
  standard    with MIC; otherwise somebody else puts identities on nodes
  namespaced  identities serve pods of their own namespace only
  exceptions  MIC and the add-ons of AKS go past NMI
  crds        its CRDs are applied
  known       the cluster has them already
*/}}
{{- define "strongroom.podidentity" -}}
{{- $p := deepCopy .Values.podIdentity -}}
{{- $standard := ne (lower (toString $p.operationMode)) "managed" -}}
{{- $said := eq (lower (toString $p.forceNamespaced)) "true" -}}
{{- $known := .Capabilities.APIVersions.Has "aadpodidentity.k8s.io/v1/AzureIdentity" -}}
{{- toYaml (mergeOverwrite $p (dict "on" $p.enabled "standard" $standard "namespaced" (or $said (not $standard)) "exceptions" (ne (lower (toString $p.installMICException)) "false") "crds" (and $p.enabled .Values.linux.crds.enabled) "known" $known)) -}}
{{- end }}

{{- /* Flags whose value says something: those that are empty keep the program's own default. Takes a dict. */}}
{{- define "strongroom.flags" -}}
{{- $flags := list -}}
{{- range $flag, $value := . -}}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) -}}
{{- $flags = append $flags (printf "--%s=%s" $flag (kindIs "float64" $value | ternary (toString (int64 $value)) (toString $value))) -}}
{{- end -}}
{{- end -}}
{{- toYaml $flags -}}
{{- end }}

{{- /* Flags of the log, from the values logVerbosity and loggingFormat of one part, or else those of everything. */}}
{{- define "strongroom.podidentity.log" -}}
{{- $s := index . 0 -}}
{{- $part := index . 1 -}}
- -v={{ $part.logVerbosity | default $s.logVerbosity | int }}
- --log-format-json={{ if $part.loggingFormat }}{{ eq $part.loggingFormat "json" }}{{ else }}{{ $s.logFormatJSON }}{{ end }}
{{- end }}

{{- /* What users' scripts, and the replaced manifests' exception for MIC, know the pods by. */}}
{{- define "strongroom.podidentity.component" -}}
app: {{ . }}
component: {{ . }}
app.kubernetes.io/component: {{ . }}
{{- end }}

{{- define "strongroom.podidentity.selector" -}}
{{ include "strongroom.podidentity.component" . }}
app.kubernetes.io/part-of: strongroom
{{- end }}

{{- /* What a pod must put up with so that start-up taints ever go. Takes a list: the root, the tolerations it has. */}}
{{- define "strongroom.tolerations" -}}
{{- $root := index . 0 -}}
{{- $has := index . 1 | default list -}}
{{- $keys := list -}}
{{- range $has }}{{ if eq (.operator | default "") "Exists" }}{{ $keys = append $keys (.key | default "*") }}{{ end }}{{ end -}}
{{- $wanted := list -}}
{{- if $root.Values.startupTaint.enabled }}{{ $wanted = append $wanted "secrets-store.csi.k8s.io/agent-not-ready" }}{{ end -}}
{{- if and $root.Values.podIdentity.enabled $root.Values.podIdentity.startupTaint.enabled }}{{ $wanted = append $wanted "aadpodidentity.k8s.io/agent-not-ready" }}{{ end -}}
{{- range $wanted -}}
{{- if not (or (has "*" $keys) (has . $keys)) }}{{ $has = append $has (dict "key" . "operator" "Exists") }}{{ end -}}
{{- end -}}
{{- toYaml $has -}}
{{- end }}

{{- /* Where a pod goes that must be on nodes with start-up taints, too. Takes a list: the root, the settings. */}}
{{- define "strongroom.early" -}}
{{- $root := index . 0 -}}
{{- $s := index . 1 -}}
{{- include "strongroom.placement" (mergeOverwrite (deepCopy $s) (dict "tolerations" (include "strongroom.tolerations" (list $root $s.tolerations) | fromYamlArray))) -}}
{{- end }}
