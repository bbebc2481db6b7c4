package secretsync

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"strongroom/api/secretsstore"
	"strongroom/internal/publish"
	"strongroom/internal/secret"
)

// heard is what pods are told.
type heard []string

func (h *heard) Event(pod secret.Pod, warning bool, reason, message string) {
	kind := "Normal"
	if warning {
		kind = "Warning"
	}
	*h = append(*h, pod.Name+" "+kind+" "+reason+": "+message)
}

func asking(target string, first bool, secrets ...string) publish.Mounted {
	m := publish.Mounted{First: first, Volume: publish.Volume{Target: target, Pod: secret.Pod{Namespace: "shop", Name: target, UID: target}}}
	m.Class.Metadata.Namespace, m.Class.Metadata.Name = "shop", "web"
	for _, name := range secrets {
		m.Class.Spec.SecretObjects = append(m.Class.Spec.SecretObjects, secretsstore.SecretObject{SecretName: name})
	}
	return m
}

func TestWhereSecretsAreOffAPodIsToldOnce(t *testing.T) {
	t.Parallel()
	var events heard
	var log bytes.Buffer
	off := &Off{Events: &events, Log: slog.New(slog.NewTextHandler(&log, nil))}
	off.Mounted(t.Context(), asking("web-1", true, "db", " cache "))
	off.Mounted(t.Context(), asking("web-1", false, "db", "cache"))
	const want = "web-1 Warning FailedToCreateSecret: class shop/web asks for Kubernetes Secrets (db, cache), and the driver was started without leave to make any; " +
		"to mend: if the driver was installed with Helm, ensure syncSecret.enabled=true is set; otherwise bind its service account to the ClusterRole secretprovidersyncing-role, and run the driver with --sync-secrets"
	if len(events) != 1 || events[0] != want {
		t.Errorf("told %q, want %q", events, want)
	}
	if n := strings.Count(log.String(), "ensure syncSecret.enabled=true is set"); n != 1 {
		t.Errorf("%d lines in the log:\n%s", n, &log)
	}
}

func TestWhereSecretsAreOffOnlyNewsAreTold(t *testing.T) {
	t.Parallel()
	var events heard
	off := &Off{Events: &events, Log: slog.New(slog.DiscardHandler)}
	off.Mounted(t.Context(), asking("plain", true))         // asks for none
	off.Mounted(t.Context(), asking("older", false, "db"))  // was told by an earlier process
	off.Mounted(t.Context(), asking("older", false, "db"))  //
	off.Mounted(t.Context(), asking("plain", false, "db"))  // the class was edited
	off.Mounted(t.Context(), asking("plain", false))        // and put back
	off.Mounted(t.Context(), asking("older", false, "two")) // edited
	off.Forget("older")
	off.Mounted(t.Context(), asking("older", true, "two")) // another pod's
	var pods []string
	for _, event := range events {
		pods = append(pods, strings.Fields(event)[0])
	}
	if got := strings.Join(pods, " "); got != "plain older older" {
		t.Errorf("told %q", events)
	}
}
