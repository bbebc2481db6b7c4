{{- /* What every container may: nothing beyond its own files and sockets. */}}
{{- define "strongroom.confined" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities:
  drop: [ALL]
{{- end }}

{{- /* Flags of the log. Takes settings with logVerbosity and logFormatJSON. */}}
{{- define "strongroom.log" -}}
- -v={{ .logVerbosity | int }}
- --log-format-json={{ .logFormatJSON }}
{{- end }}

{{- /* Where a pod goes. Takes nodeSelector, tolerations, affinity, priorityClassName, and os, linux unless said. */}}
{{- define "strongroom.placement" -}}
nodeSelector:
  {{- toYaml (mergeOverwrite (dict "kubernetes.io/os" (.os | default "linux")) (.nodeSelector | default dict)) | nindent 2 }}
{{- with .tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- end }}

{{- /* Secrets to pull the image with. */}}
{{- define "strongroom.pull" -}}
{{- with .imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}

{{- /* What makes an object a part of the CRD hook. Takes its weight: lower comes first. */}}
{{- define "strongroom.hook" -}}
helm.sh/hook: pre-install,pre-upgrade
helm.sh/hook-weight: {{ . | quote }}
helm.sh/hook-delete-policy: before-hook-creation,hook-succeeded
{{- end }}
