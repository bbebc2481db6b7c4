{{- /*
The values as the templates use them, after the older spelling "secrets-store-csi-driver" has had its say. YAML, for
fromYaml:

  everything of the top level but linux and windows, with the older block's keys laid over it;
  driver           linux, then linux.driver, then the older block's linux and linux.driver; log settings of its own
  provider         linux, then linux.provider
  windowsDriver    the same of windows
  windowsProvider
  install          whether each is there: linuxDriver, windowsDriver, linuxProvider, windowsProvider, controller, crds; and
                   driver and provider, on nodes of either kind

The older block is for a driver alone: where its "install" is false, somebody else's driver is there, with its CSIDriver
and its CRDs, and only the provider is installed.
*/}}
{{- define "strongroom.settings" -}}
{{- if not (and (hasKey .Values "controller") (hasKey .Values "podIdentity") (hasKey .Values "flexVolume")) -}}
{{- fail "values: this chart's own defaults are missing, as when \"helm upgrade --reuse-values\" puts another chart's in their place. Give your values with --values, or use --reset-then-reuse-values." -}}
{{- end -}}
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
{{- $_ := set $driver "additionalProvidersDirs" (include "strongroom.folders" $driver | fromYamlArray) -}}
{{- $provider := mergeOverwrite (deepCopy $both) (pick $linux "resources" "privileged") (deepCopy ($linux.provider | default dict)) -}}
{{- $windows := .Values.windows -}}
{{- $oldWindows := $old.windows | default dict -}}
{{- $bothWindows := mergeOverwrite (omit (deepCopy $windows) "driver" "provider" "image" "resources" "enabled") (dict "os" "windows") -}}
{{- $windowsDriver := mergeOverwrite (deepCopy $bothWindows) (pick $driver "logVerbosity" "logFormatJSON") (deepCopy $windows.driver) (omit (deepCopy $oldWindows) "driver" "image" "resources" "enabled") (deepCopy ($oldWindows.driver | default dict)) -}}
{{- $windowsProvider := mergeOverwrite (deepCopy $bothWindows) (pick $windows "resources") (deepCopy $windows.provider) -}}
{{- $mine := ne (toString $old.install) "false" -}}
{{- $on := dict
  "linuxDriver" (and $mine (kindIs "bool" $oldLinux.enabled | ternary $oldLinux.enabled $linux.enabled) $linux.driver.enabled)
  "windowsDriver" (and $mine (kindIs "bool" $oldWindows.enabled | ternary $oldWindows.enabled $windows.enabled) $windows.driver.enabled)
  "linuxProvider" (and $linux.enabled $linux.provider.enabled)
  "windowsProvider" (and $windows.enabled $windows.provider.enabled) -}}
{{- $here := and $mine (or (ne (toString $oldLinux.enabled) "false") $on.windowsDriver) -}}
{{- $crds := ne (toString (($oldLinux.crds | default dict).enabled)) "false" -}}
{{- $_ := set $on "driver" (or $on.linuxDriver $on.windowsDriver) -}}
{{- $_ := set $on "provider" (or $on.linuxProvider $on.windowsProvider) -}}
{{- $_ := set $on "controller" (and $here .Values.controller.enabled) -}}
{{- $_ := set $on "crds" (and $here $crds $linux.crds.enabled (or $linux.enabled $on.linuxDriver $on.windowsDriver .Values.controller.enabled)) -}}
{{- toYaml (mergeOverwrite $s (dict "driver" $driver "provider" $provider "windowsDriver" $windowsDriver "windowsProvider" $windowsProvider "install" $on)) -}}
{{- end }}

{{- /*
The driver's additional folders of sockets, none of them twice: a container mounts nothing at one path twice. Where
providersDir is one of them, as in values that were the Azure provider's alone, it changes places with the usual one, in
which other providers' sockets are.
*/}}
{{- define "strongroom.folders" -}}
{{- $more := .additionalProvidersDirs | default list | uniq -}}
{{- if has .providersDir $more -}}
{{- $more = without (append $more "/var/run/secrets-store-csi-providers" | uniq) .providersDir -}}
{{- end -}}
{{- toYaml $more -}}
{{- end }}

{{- /* The values that are taken for the sake of the replaced charts' files, and given, but say nothing here. */}}
{{- define "strongroom.idle" -}}
{{- $v := .Values -}}
{{- $idle := list -}}
{{- range $system := list "linux" "windows" -}}
{{- range $key := list "registrarImage" "registrar" "livenessProbeImage" "livenessProbe" -}}
{{- if get (get $v $system) $key }}{{ $idle = append $idle (printf "%s.%s" $system $key) }}{{ end -}}
{{- end -}}
{{- end -}}
{{- if $v.linux.crds.image }}{{ $idle = append $idle "linux.crds.image" }}{{ end -}}
{{- if $v.windows.customUserAgent }}{{ $idle = append $idle "windows.customUserAgent" }}{{ end -}}
{{- if $v.rbac.pspEnabled }}{{ $idle = append $idle "rbac.pspEnabled" }}{{ end -}}
{{- range $key := list "providerHealthCheck" "minimumProviderVersions" "arc" -}}
{{- if get $v $key }}{{ $idle = append $idle $key }}{{ end -}}
{{- end -}}
{{- join ", " $idle -}}
{{- end }}

{{- /* A number that YAML may have made a float of. */}}
{{- define "strongroom.port" -}}
{{- . | toString | trimPrefix ":" | splitList ":" | last | int -}}
{{- end }}
