{{- define "strongroom.driver.name" -}}
{{- $old := index .Values "secrets-store-csi-driver" | default dict -}}
{{- if $old.fullnameOverride -}}{{ $old.fullnameOverride | trunc 63 | trimSuffix "-" }}
{{- else if .Values.fullnameOverride -}}{{ .Values.fullnameOverride | trunc 53 | trimSuffix "-" }}-driver
{{- else -}}secrets-store-csi-driver{{ end -}}
{{- end }}

{{- define "strongroom.provider.name" -}}
{{- if .Values.fullnameOverride -}}{{ .Values.fullnameOverride | trunc 53 | trimSuffix "-" }}-provider
{{- else -}}csi-secrets-store-provider-azure{{ end -}}
{{- end }}

{{- define "strongroom.controller.name" -}}
{{- if .Values.fullnameOverride -}}{{ .Values.fullnameOverride | trunc 52 | trimSuffix "-" }}-controller
{{- else -}}strongroom-controller{{ end -}}
{{- end }}

{{- /* The labels every object carries. Takes a list: the root, the settings. */}}
{{- define "strongroom.labels" -}}
{{- $root := index . 0 -}}
{{- $s := index . 1 -}}
{{- with $s.commonLabels }}{{ toYaml . }}
{{ end -}}
app.kubernetes.io/name: {{ $root.Values.nameOverride | default $root.Chart.Name | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/instance: {{ $root.Release.Name }}
app.kubernetes.io/version: {{ $root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ $root.Release.Service }}
app.kubernetes.io/part-of: strongroom
helm.sh/chart: {{ printf "%s-%s" $root.Chart.Name $root.Chart.Version | replace "+" "_" | trunc 63 }}
{{- end }}

{{- /* What a workload selects its pods by. The second label keeps a selector from matching the replaced charts' pods. */}}
{{- define "strongroom.selector" -}}
app: {{ . }}
app.kubernetes.io/part-of: strongroom
{{- end }}

{{- define "strongroom.image" -}}
{{- $image := .Values.linux.image -}}
{{ $image.repository }}
{{- if $image.digest }}@{{ $image.digest }}{{ else }}:{{ $image.tag | default .Chart.AppVersion }}{{ end -}}
{{- end }}
