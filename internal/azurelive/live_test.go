//go:build azurelive

package azurelive

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"strongroom/internal/cli"
)

func TestWorkloadIdentity(t *testing.T) {
	flags := tokenFlags(t, workload, workloadToken)
	try(t, "workload-identity", map[string]string{"clientID": os.Getenv(workload)}, flags)
}

func TestIdentityBinding(t *testing.T) {
	flags := tokenFlags(t, binding, bindingToken)
	try(t, "identity-binding", map[string]string{"clientID": os.Getenv(binding), "useAzureTokenProxy": "true"}, flags)
}

func TestServicePrincipal(t *testing.T) {
	try(t, "service-principal", nil, []string{"--secrets-dir", wanted(t, principal)})
}

func TestManagedIdentity(t *testing.T) {
	identity := map[string]string{"useVMManagedIdentity": "true"}
	if id := wanted(t, managed); id != "system" {
		identity["userAssignedIdentityID"] = id
	}
	try(t, "managed-identity", identity, nil)
}

// wanted is a mode's setting; its test is skipped where it is not set.
func wanted(t *testing.T, name string) string {
	t.Helper()
	value := os.Getenv(name)
	if value == "" {
		t.Skipf("%s is not set", name)
	}
	return value
}

// tokenFlags are the command line's for a mode whose proof is a service account token.
func tokenFlags(t *testing.T, client, file string) []string {
	t.Helper()
	wanted(t, client)
	path := os.Getenv(file)
	if path == "" {
		t.Fatalf("%s is set and %s is not", client, file)
	}
	namespace, name := account(t, path)
	return []string{"--token-file", path, "--namespace", namespace, "--service-account", name}
}

// try is what every mode must do.
func try(t *testing.T, mode string, identity map[string]string, flags []string) {
	flags = slices.Concat(flags, strings.Fields(os.Getenv(extraFlags)))
	class, files := manifest(t, identity, false)
	t.Run("explain", func(t *testing.T) { explains(t, mode, class, files, flags) })
	t.Run("mount", func(t *testing.T) { mounts(t, class, files, flags) })
	t.Run("absent", func(t *testing.T) {
		class, _ := manifest(t, identity, true)
		tellsAbsence(t, class, flags)
	})
}

// explains holds who Azure saw, and that every object was read.
func explains(t *testing.T, mode, class string, files, flags []string) {
	code, out, log := run(t, slices.Concat([]string{"explain", "-f", class, "-o", "json"}, flags))
	if code != 0 {
		t.Fatalf("exit %d: %s%s", code, out, log)
	}
	var said struct {
		Report struct {
			Identity string
			Vault    string
			Objects  []struct{ Object, Version string }
			Calls    struct{ Token, Vault int }
		}
	}
	if err := json.Unmarshal([]byte(out), &said); err != nil {
		t.Fatal(err)
	}
	r := said.Report
	t.Logf("%s at %s: %d calls for a token, %d to the vault", r.Identity, r.Vault, r.Calls.Token, r.Calls.Vault)
	if !strings.HasPrefix(r.Identity, mode) || len(r.Objects) != len(files) || r.Calls.Token != 1 {
		t.Errorf("want %s, %d objects and 1 call for a token: %s", mode, len(files), out)
	}
	for _, object := range r.Objects {
		if object.Version == "" {
			t.Errorf("%s has no version", object.Object)
		}
	}
}

// mounts holds the files' shapes, that no output holds the secret, and that a second mount changes nothing.
func mounts(t *testing.T, class string, files, flags []string) {
	target := filepath.Join(t.TempDir(), "mounted")
	args := slices.Concat([]string{"mount", "-f", class, "--target", target}, flags)
	code, out, log := run(t, args)
	if code != 0 {
		t.Fatalf("exit %d: %s%s", code, out, log)
	}
	for _, name := range files {
		content, err := os.ReadFile(filepath.Join(target, name))
		switch {
		case err != nil:
			t.Error(err)
		case len(content) == 0 || !bytes.HasPrefix(content, []byte(shapes[name])):
			t.Errorf("%s, of %d bytes, does not look like what it should be", name, len(content))
		case len(content) >= 8 && strings.Contains(out+log, string(content)):
			t.Errorf("the output holds the content of %s", name)
		}
	}
	if code, out, log = run(t, args); code != 0 || !strings.Contains(out, "nothing to change in") {
		t.Errorf("a second mount: exit %d: %s%s", code, out, log)
	}
}

// tellsAbsence: an object that is not there fails the mount, is named, and comes with a remedy. A role on single objects
// makes the vault say forbidden instead, exit code 5.
func tellsAbsence(t *testing.T, class string, flags []string) {
	target := filepath.Join(t.TempDir(), "mounted")
	code, out, log := run(t, slices.Concat([]string{"mount", "-f", class, "--target", target}, flags))
	if (code != 4 && code != 5) || !strings.Contains(log, absent) || !strings.Contains(log, "to mend: ") {
		t.Errorf("exit %d, want 4 with the name and a remedy: %s%s", code, out, log)
	}
	if _, err := os.Stat(filepath.Join(target, "secret")); err == nil {
		t.Error("the mount failed and left files")
	}
}

func run(t *testing.T, args []string) (code int, out, log string) {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code = cli.Run(t.Context(), cli.Process{Args: args, Stdout: &stdout, Stderr: &stderr, Getenv: os.Getenv})
	return code, stdout.String(), stderr.String()
}
