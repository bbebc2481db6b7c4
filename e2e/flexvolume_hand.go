package e2e

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"strongroom/e2e/azure"
)

// flight is a mount that was begun and is stopped amid its work.
type flight struct {
	command *exec.Cmd
	answer  bytes.Buffer
	target  string
}

// newFlight executes the driver as the kubelet does, and stops the process.
func newFlight(t testing.TB, vault azure.Vault, app azure.Identity) *flight {
	t.Helper()
	f := &flight{target: flexStage(t, "flight")}
	mend := Azure().Break(t, azure.Fault{Service: "keyvault", Host: vault.Name, Latency: 10 * time.Second}) // it is not over before it is stopped
	f.command = exec.CommandContext(Within(t, patience), flexProgram, "mount", f.target, flexCall(t, vault, app, "flight", "db"))
	f.command.Stdout, f.command.Stderr = &f.answer, &f.answer
	if err := f.command.Start(); err != nil {
		t.Fatal(err)
	}
	if err := f.command.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	mend()
	return f
}

// land lets it go on to its end, with the program it began with.
func (f *flight) land(t testing.TB, want string) {
	t.Helper()
	program, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", f.command.Process.Pid))
	if err != nil || !strings.HasSuffix(program, " (deleted)") {
		t.Errorf("it runs %q, %v, which is no program that was replaced", program, err)
	}
	if err := errors.Join(f.command.Process.Signal(syscall.SIGCONT), f.command.Wait()); err != nil {
		t.Fatalf("%v: %s", err, &f.answer)
	}
	if got := Contents(t, f.target)["db"]; got != want {
		t.Errorf("%q, after the answer %s", got, &f.answer)
	}
	flexUnmount(t, f.target)
}

// flexStage is a target for a mount that no kubelet asks for: a pod's directory that is there from now on.
func flexStage(t testing.TB, pod string) (target string) {
	t.Helper()
	dir := filepath.Join(cluster.Scratch(), t.Name(), "pods", pod)
	if err := os.MkdirAll(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "volumes", "azure~kv", "kv")
}

func flexUnmount(t testing.TB, target string) {
	t.Helper()
	if out, err := exec.CommandContext(Within(t, patience), flexProgram, "unmount", target).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if left := Mounts(t, target); len(left) > 0 {
		t.Errorf("mounted still: %q", left)
	}
}

// flexCall is what a kubelet hands over for a volume of a service principal.
func flexCall(t testing.TB, vault azure.Vault, app azure.Identity, pod, names string) string {
	t.Helper()
	options := map[string]string{
		"kubernetes.io/pod.name": pod, "kubernetes.io/pod.namespace": "by-hand", "kubernetes.io/pod.uid": pod,
		"kubernetes.io/pvOrVolumeName": "kv", "kubernetes.io/readwrite": "ro", "kubernetes.io/serviceAccount.name": "default",
		"kubernetes.io/secret/clientid":     base64.StdEncoding.EncodeToString([]byte(app.ClientID)),
		"kubernetes.io/secret/clientsecret": base64.StdEncoding.EncodeToString([]byte(app.Secret)),
	}
	pairs := flexSecrets(vault, names)
	for i := 0; i < len(pairs); i += 2 {
		options[pairs[i]] = pairs[i+1]
	}
	text, err := json.Marshal(options)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
