package az

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shell is one person's terminal: variables that a script sets are there for the next one, and so is who is logged in.
type shell struct {
	dir         string
	environment []string
	fill        *strings.Replacer
	spent       time.Duration
}

// newShell makes one in a directory of its own. Everything that az keeps or writes goes there. blanks are what manuals
// leave to their readers, as pairs of the blank with its brackets and what to put there.
func newShell(t *testing.T, w *world, blanks ...string) *shell {
	t.Helper()
	if _, err := exec.LookPath("az"); err != nil {
		t.Fatal(`there is no az: run "make e2e-prepare" first`)
	}
	dir, err := os.MkdirTemp(w.scratch, "az-*")
	if err != nil {
		t.Fatal(err)
	}
	library, err := filepath.Abs("testdata/library")
	if err != nil {
		t.Fatal(err)
	}
	return &shell{dir: dir, fill: strings.NewReplacer(blanks...), environment: []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "LANG=C.UTF-8", "TMPDIR=" + dir,
		"AZURE_CONFIG_DIR=" + filepath.Join(dir, "config"), "AZURE_CORE_COLLECT_TELEMETRY=no", "AZURE_CORE_SURVEY_MESSAGE=no",
		"AZURE_CORE_NO_COLOR=yes", "AZURE_EXTENSION_USE_DYNAMIC_INSTALL=no", "REQUESTS_CA_BUNDLE=" + w.ca, "PYTHONPATH=" + library,
	}}
}

// olderCompute leads the commands for machines through az's profile of 2020. Debian's az 2.45 wants version 2022-11-01 of
// the Compute interface, and the library that Debian ships for it ends with 2022-08-01, so that each of them fails before
// it asks anything: "API version 2022-11-01 does not have operation group 'virtual_machine_scale_sets'". With the profile,
// which is a setting of az's own, they ask by version 2020-06-01; nothing else may use it, since federated credentials
// came later. The commands themselves stay as they are.
const olderCompute = `az() {
  case "$1" in
  vm|vmss)
    rm -rf "$AZURE_CONFIG_DIR-2020" && cp -r "$AZURE_CONFIG_DIR" "$AZURE_CONFIG_DIR-2020"
    printf '[AzureCloud]\nprofile = 2020-09-01-hybrid\n' > "$AZURE_CONFIG_DIR-2020/clouds.config"
    AZURE_CONFIG_DIR="$AZURE_CONFIG_DIR-2020" command az "$@" ;;
  *) command az "$@" ;;
  esac
}
`

// patience is how long a script may take; most of it is spent in starting Python.
const patience = 15 * time.Minute

// run runs a script as a manual prints it; anything that fails ends it. It gives what the commands printed, and what they
// complained of.
func (s *shell) run(script string) (out, complaints string, err error) {
	began := time.Now()
	defer func() { s.spent += time.Since(began) }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	state := filepath.Join(s.dir, "environment")
	whole := "set -euo pipefail\nset -a\n" + olderCompute + s.fill.Replace(script) + "\nenv -0 > '" + state + "'\n"
	command := exec.CommandContext(ctx, "bash", "-c", whole)
	var stdout, stderr bytes.Buffer
	command.Dir, command.Env, command.Stdout, command.Stderr = s.dir, s.environment, &stdout, &stderr
	if err := command.Run(); err != nil {
		return stdout.String(), stderr.String(), fmt.Errorf("%w\n%s%s", err, stdout.String(), stderr.String())
	}
	text, err := os.ReadFile(state)
	if err != nil {
		return "", "", err
	}
	s.environment = strings.Split(strings.TrimSuffix(string(text), "\x00"), "\x00")
	return stdout.String(), stderr.String(), nil
}

// must is run for a script that has to go well.
func (s *shell) must(t *testing.T, script string) string {
	t.Helper()
	out, _, err := s.run(script)
	if err != nil {
		t.Fatalf("%s\n%v", script, err)
	}
	return out
}

// variable is one that a script has set; it must be there, and be something.
func (s *shell) variable(t *testing.T, name string) string {
	t.Helper()
	for _, one := range s.environment {
		if value, found := strings.CutPrefix(one, name+"="); found && value != "" && value != "null" {
			return value
		}
	}
	t.Fatalf("%s is empty", name)
	return ""
}

// login logs in as somebody with a secret.
func (s *shell) login(t *testing.T, clientID string) {
	t.Helper()
	s.must(t, "az login --service-principal --username "+clientID+" --password '"+operatorSecret+"' --tenant "+tenant+" --allow-no-subscriptions")
}

// file puts a file beside the scripts.
func (s *shell) file(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(s.dir, name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// commands counts the uses of az in a script.
func commands(script string) int {
	return strings.Count("\n"+strings.ReplaceAll(script, "$(az ", "\naz "), "\naz ")
}
