{{- /*
On a Windows node both programs are HostProcess containers: processes of the node itself, under one of its accounts. Their
paths are the node's own. What the pod mounts, a token or a ConfigMap, appears where its mountPath says, for the container
alone (containerd 1.7 and newer).
*/}}

{{- define "strongroom.driver.windows.name" -}}
{{ include "strongroom.driver.name" . | trunc 55 | trimSuffix "-" }}-windows
{{- end }}

{{- define "strongroom.provider.windows.name" -}}
{{ include "strongroom.provider.name" . | trunc 55 | trimSuffix "-" }}-windows
{{- end }}

{{- /* The image for Windows nodes: what windows.image leaves empty is linux.image's, for one index has all platforms. */}}
{{- define "strongroom.windows.image" -}}
{{- $own := .Values.windows.image -}}
{{- if or $own.repository $own.tag $own.digest -}}
{{- $linux := .Values.linux.image -}}
{{ $own.repository | default $linux.repository }}
{{- if $own.digest }}@{{ $own.digest }}{{ else }}:{{ $own.tag | default $linux.tag | default .Chart.AppVersion }}{{ end -}}
{{- else -}}
{{ include "strongroom.image" . }}
{{- end -}}
{{- end }}

{{- /* A path of the node in Windows' own spelling, without a backslash at its end, or two where one is meant: the replaced
charts' own defaults have that. */}}
{{- define "strongroom.windows.path" -}}
{{ . | replace "/" "\\" | replace "\\\\" "\\" | trimSuffix "\\" }}
{{- end }}

{{- /* What a pod must say to be a process of its node. Takes the account. */}}
{{- define "strongroom.windows.pod" -}}
os:
  name: windows
hostNetwork: true
securityContext:
  windowsOptions:
    hostProcess: true
    runAsUserName: {{ . }}
{{- end }}

{{- /*
Makes the folder of a socket and leaves nobody in it but the node's administrators, the node itself and the account that
serves there: whatever is made below C:\ may else be written to by everybody who is known to the node. The node's own
PowerShell does it. Takes a list: the root, the folder, the account that serves.
*/}}
{{- define "strongroom.windows.folder" -}}
{{- $root := index . 0 -}}
- name: folder
  image: {{ include "strongroom.windows.image" $root }}
  imagePullPolicy: {{ $root.Values.windows.image.pullPolicy | default $root.Values.linux.image.pullPolicy }}
  command:
  - powershell.exe
  - -NoLogo
  - -NoProfile
  - -NonInteractive
  - -Command
  - >-
    $ErrorActionPreference = 'Stop';
    $null = New-Item -ItemType Directory -Force -Path $env:FOLDER;
    $sid = (New-Object Security.Principal.NTAccount $env:ACCOUNT).Translate([Security.Principal.SecurityIdentifier]).Value;
    $acl = New-Object Security.AccessControl.DirectorySecurity;
    $acl.SetSecurityDescriptorSddlForm('O:BAD:P(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1301bf;;;' + $sid + ')');
    Set-Acl -Path $env:FOLDER -AclObject $acl
  env:
  - name: FOLDER
    value: {{ index . 1 }}
  - name: ACCOUNT
    value: {{ index . 2 }}
  securityContext:
    windowsOptions:
      hostProcess: true
      runAsUserName: NT AUTHORITY\SYSTEM
  resources:
    requests:
      cpu: 10m
      memory: 64Mi
    limits:
      memory: 256Mi
{{- end }}
