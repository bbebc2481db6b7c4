package cli_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

// planted are the values of the demo's vaults and credentials, which must show up in files and nowhere else.
var planted = []string{"a secret of contoso-kv", "a secret of kvname", "another secret of kvname", "3fK!c9", "BEGIN PRIVATE KEY", "planted"}

// TestScripts runs the program as people and scripts do. Each script has a directory for temporary files of its own and
// fails when the program leaves something in it.
func TestScripts(t *testing.T) {
	t.Parallel()
	examples, err := filepath.Abs(filepath.Join("..", "..", "examples"))
	if err != nil {
		t.Fatal(err)
	}
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			// Socket paths are bounded at about a hundred bytes, so the path to the temporary files must be short.
			short, err := os.MkdirTemp("", "sr")
			if err != nil {
				return err
			}
			env.Setenv("TMPDIR", short)
			env.Setenv("EXAMPLES", examples)
			env.Setenv("WINEPREFIX", os.Getenv("WINEPREFIX")) // for the tests under Wine
			env.Defer(func() {
				left, err := os.ReadDir(short)
				if err != nil || len(left) > 0 {
					env.T().Log("left behind:", left, err)
					env.T().Fatal("temporary files were left behind")
				}
				_ = os.Remove(short)
			})
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "mode": mode, "token": token, "repeat": repeat, "fields": fields, "waitfor": waitFor,
		},
	})
}

// exits runs the program and wants this exit code: exits 3 check x.yaml. Nothing planted may be in what it says.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 {
		ts.Fatalf("usage: exits code [args...]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec("strongroom", args[1:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else {
		ts.Check(err)
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
	for _, value := range planted {
		if strings.Contains(ts.ReadFile("stdout")+ts.ReadFile("stderr"), value) {
			ts.Fatalf("it says the secret %q", value)
		}
	}
}

// mode wants a file's permission: mode 0440 out/tls/bundle.pem.
func mode(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: mode octal file")
	}
	want, err := strconv.ParseUint(args[0], 8, 32)
	ts.Check(err)
	info, err := os.Stat(ts.MkAbs(args[1]))
	ts.Check(err)
	if info.Mode().Perm() != fs.FileMode(want) {
		ts.Fatalf("%s has mode %04o, want %s", args[1], info.Mode().Perm(), args[0])
	}
}

// token writes a service account token as a cluster would have issued it: token FILE SUBJECT AUDIENCE LIFETIME.
func token(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 4 {
		ts.Fatalf("usage: token file subject audience lifetime")
	}
	life, err := time.ParseDuration(args[3])
	ts.Check(err)
	claims, err := json.Marshal(map[string]any{
		"iss": "https://issuer.example", "sub": args[1], "aud": args[2], "exp": time.Now().Add(life).Unix(),
	})
	ts.Check(err)
	encode := base64.RawURLEncoding.EncodeToString
	jwt := encode([]byte(`{"alg":"RS256","kid":"k"}`)) + "." + encode(claims) + "." + encode([]byte("planted signature"))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(jwt+"\n"), 0o600))
}

// waitFor waits until a program in the background has written a file, or a line like this into it: waitfor log 'is up'.
func waitFor(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: waitfor file [pattern]")
	}
	like := regexp.MustCompile(strings.Join(args[1:], ""))
	deadline := time.After(30 * time.Second)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if text, err := os.ReadFile(ts.MkAbs(args[0])); err == nil && len(text) > 0 && like.Match(text) {
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			ts.Fatalf("%s did not appear", args[0])
		}
	}
}

// repeat replaces REPEAT in a file by a text, many times over: repeat file text count.
func repeat(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 3 {
		ts.Fatalf("usage: repeat file text count")
	}
	count, err := strconv.Atoi(args[2])
	ts.Check(err)
	text := strings.Replace(ts.ReadFile(args[0]), "REPEAT", strings.Repeat(args[1], count), 1)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o600))
}

// fields holds JSON on stdout against lines of a file, each a path and the text of its value: files.0.bytes 18. The
// value * stands for any.
func fields(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: fields file")
	}
	var document any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &document))
	for line := range strings.Lines(ts.ReadFile(args[0])) {
		path, want, _ := strings.Cut(strings.TrimSpace(line), " ")
		got, ok := lookUp(document, strings.Split(path, "."))
		if text, _ := json.Marshal(got); !ok || want != "*" && strings.Trim(string(text), `"`) != want {
			ts.Fatalf("%s is %s, want %s", path, text, want)
		}
	}
}

func lookUp(v any, path []string) (any, bool) {
	if len(path) == 0 || path[0] == "" {
		return v, true
	}
	switch v := v.(type) {
	case map[string]any:
		inner, ok := v[path[0]]
		if !ok {
			return nil, false
		}
		return lookUp(inner, path[1:])
	case []any:
		i, err := strconv.Atoi(path[0])
		if err != nil || i >= len(v) {
			return nil, false
		}
		return lookUp(v[i], path[1:])
	}
	return nil, false
}
