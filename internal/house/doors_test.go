// Package house holds the rules of the tree as tests: who may import whom, and what no file may contain.
package house

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "strongroom/"

// leaves are rooms without I/O and without a clock of their own, which everybody may use.
var leaves = []string{"internal/secret", "internal/fault", "internal/form"}

// doors says which of our own rooms each room may import, besides the leaves. A room that is not listed may import
// nothing of ours: add a line here, and the reason to the commit, when a new door is really needed. On the right, "x/..."
// means the room and everything below it.
var doors = map[string][]string{
	"cmd/strongroom":                   {"internal/cli"},
	"docs":                             {},
	"examples":                         {},
	"api/secretsstore":                 {},
	"api/secretsstore/crd":             {},
	"api/aadpodidentity":               {},
	"api/aadpodidentity/crd":           {},
	"api/provider/v1alpha1":            {},
	"api/pluginregistration/v1":        {},
	"internal/bound":                   {},
	"internal/clock":                   {},
	"internal/unixsock":                {},
	"internal/material":                {},
	"internal/azure/cloud":             {},
	"internal/azure/policy":            {},
	"internal/azure/params":            {"api/secretsstore", "internal/azure/cloud", "internal/material"},
	"internal/azure/transport":         {},
	"internal/azure/token":             {"internal/azure/transport", "internal/clock", "internal/material"}, // certificates of unknown makers, read within bounds
	"internal/azure/keyvault":          {"internal/azure/transport", "internal/clock"},
	"internal/azure/anyanswer":         {}, // for the fuzz targets of its neighbours
	"internal/azure/arm":               {"internal/azure/transport", "internal/clock"},
	"internal/azure/azurejson":         {"internal/azure/cloud", "internal/clock"},
	"internal/azure/armtoken":          {"internal/azure/azurejson", "internal/azure/token", "internal/clock", "internal/share"},
	"internal/share":                   {"internal/clock", "internal/share/budget"},
	"internal/share/budget":            {"internal/clock"},
	"internal/manifest":                {"api/secretsstore"},
	"internal/volume":                  {"internal/clock"},
	"internal/provider":                {},
	"internal/provider/socket":         {"api/...", "internal/clock", "internal/provider", "internal/telemetry/logkey", "internal/unixsock"},
	"internal/provider/azure":          {"internal/azure/...", "internal/clock", "internal/material", "internal/provider", "internal/share"},
	"internal/podid/nmi/redirect":      {"internal/clock", "internal/telemetry/logkey"},
	"internal/publish":                 {"api/secretsstore", "internal/clock", "internal/provider", "internal/volume"},
	"internal/podstatus":               {"api/secretsstore", "internal/clock", "internal/publish", "internal/telemetry/logkey", "internal/volume"},
	"internal/secretsync":              {"api/secretsstore", "internal/clock", "internal/publish", "internal/secretsync/shape", "internal/telemetry/logkey"},
	"internal/secretsync/shape":        {"api/secretsstore", "internal/material"},
	"internal/controller":              {"api/secretsstore", "internal/clock", "internal/telemetry/logkey"},
	"internal/kube":                    {"api/aadpodidentity", "api/secretsstore", "internal/clock", "internal/telemetry/logkey"},
	"internal/kube/kubefake":           {},
	"internal/podid/match":             {"api/aadpodidentity"},
	"internal/podid/mic":               {"api/aadpodidentity", "api/secretsstore", "internal/azure/arm", "internal/clock", "internal/podid/match", "internal/telemetry/logkey"},
	"internal/podid/nmi":               {"api/aadpodidentity", "internal/azure/token", "internal/azure/transport", "internal/bound", "internal/clock", "internal/podid/match", "internal/share", "internal/telemetry/logkey"},
	"internal/csi":                     {"api/secretsstore", "internal/clock", "internal/incumbent", "internal/publish", "internal/volume", "internal/telemetry/logkey", "internal/unixsock"},
	"internal/incumbent":               {"internal/clock", "internal/telemetry/logkey", "internal/unixsock"},
	"internal/registrar":               {"api/pluginregistration/v1", "internal/clock", "internal/incumbent", "internal/telemetry/logkey", "internal/unixsock"},
	"internal/resident":                {"internal/clock", "internal/telemetry/logkey"},
	"internal/flexvolume":              {"api/secretsstore", "internal/clock", "internal/provider", "internal/publish", "internal/telemetry/logkey"},
	"internal/flexvolume/install":      {"internal/clock", "internal/telemetry/logkey"},
	"internal/migrate":                 {"api/aadpodidentity", "api/secretsstore", "internal/flexvolume", "internal/podid/match"},
	"internal/telemetry":               {"internal/bound"},
	"internal/telemetry/logkey":        {},
	"internal/cli":                     {"api/...", "examples", "internal/..."},
	"internal/emulator":                {"internal/clock", "internal/emulator/..."}, // one house within the house
	"internal/emulator/access":         {"internal/clock", "internal/emulator/entra", "internal/emulator/keyvault", "internal/emulator/roles"},
	"internal/emulator/arm":            {"internal/clock", "internal/emulator/arm/...", "internal/emulator/entra", "internal/emulator/roles"},
	"internal/emulator/arm/clusters":   {"internal/emulator/arm/groups", "internal/emulator/arm/wire", "internal/emulator/entra"},
	"internal/emulator/arm/compute":    {"internal/clock", "internal/emulator/arm/groups", "internal/emulator/arm/wire", "internal/emulator/entra", "internal/emulator/roles"},
	"internal/emulator/arm/groups":     {"internal/emulator/arm/wire", "internal/emulator/entra"},
	"internal/emulator/arm/identities": {"internal/emulator/arm/wire", "internal/emulator/entra"},
	"internal/emulator/arm/limits":     {"internal/emulator/arm/wire"},
	"internal/emulator/arm/rights":     {"internal/clock", "internal/emulator/arm/wire", "internal/emulator/entra", "internal/emulator/roles"},
	"internal/emulator/arm/vaults":     {"internal/clock", "internal/emulator/arm/wire", "internal/emulator/entra"},
	"internal/emulator/arm/wire":       {},
	"internal/emulator/roles":          {},
	"internal/emulator/control":        {"internal/emulator/faults", "internal/emulator/journal", "internal/emulator/state"},
	"internal/emulator/entra":          {"internal/clock"},
	"internal/emulator/faults":         {"internal/clock"},
	"internal/emulator/graph":          {"internal/clock", "internal/emulator/entra", "internal/emulator/roles"},
	"internal/emulator/hosts":          {"internal/emulator/faults"},
	"internal/emulator/imds":           {"internal/clock", "internal/emulator/entra"},
	"internal/emulator/issuer":         {"internal/clock"},
	"internal/emulator/journal":        {"internal/clock", "internal/emulator/faults"},
	"internal/emulator/keyvault":       {"internal/clock", "internal/emulator/keyvault/..."},
	"internal/emulator/keyvault/crypt": {"internal/emulator/keyvault/mint"},
	"internal/emulator/keyvault/mint":  {},
	"internal/emulator/keyvault/store": {"internal/emulator/keyvault/mint"},
	"internal/emulator/nmi":            {"internal/clock", "internal/emulator/entra"},
	"internal/emulator/pki":            {},
	"internal/emulator/relay":          {},
	"internal/emulator/state":          {"internal/emulator/access", "internal/emulator/arm", "internal/emulator/arm/limits", "internal/emulator/arm/vaults", "internal/emulator/entra", "internal/emulator/faults", "internal/emulator/graph", "internal/emulator/keyvault"},
	"internal/emulator/tokenproxy":     {"internal/clock", "internal/emulator/entra", "internal/emulator/issuer"},
	"internal/protogen":                {},
	"internal/azurelive":               {}, // tests only, behind a build tag
	"internal/bench":                   {"api/...", "internal/..."},
	"internal/stress":                  {"api/secretsstore", "internal/azure/cloud", "internal/azure/keyvault", "internal/azure/token", "internal/clock", "internal/emulator", "internal/emulator/keyvault", "internal/emulator/state", "internal/provider", "internal/provider/azure", "internal/publish", "internal/share", "internal/volume"},
	"internal/house":                   {},
}

// shut are doors that stay shut whatever the table says, with the reason a breaker is told.
var shut = []struct{ from, to, why string }{
	{"internal/azure/...", "internal/emulator/...", "client and emulator each write the REST shapes for themselves, so that each checks the other"},
	{"internal/provider/...", "internal/emulator/...", "the provider must not be able to start an emulator by accident"},
	{"internal/podid/...", "internal/emulator/...", "the daemons must not be able to start an emulator by accident"},
	{"internal/podid/match", "net/...", "leaves have no I/O"}, {"internal/podid/match", "os", "leaves have no I/O"},
	{"internal/emulator/...", "internal/azure/...", "client and emulator each write the REST shapes for themselves, so that each checks the other"},
	{"internal/csi", "internal/azure/...", "a third party's class passes through undecoded"},
	{"internal/flexvolume", "internal/azure/...", "what a volume's options mean to Azure is the provider's to say, wherever it runs"},
	{"internal/publish", "internal/azure/...", "a third party's class passes through undecoded"},
	{"internal/provider/socket", "internal/azure/...", "a third party's class passes through undecoded"},
	{"internal/secret", "net/...", "leaves have no I/O"}, {"internal/fault", "net/...", "leaves have no I/O"},
	{"internal/material", "net/http", "leaves have no I/O"}, {"internal/material", "os", "leaves have no I/O"},
	{"internal/azure/params", "net/http", "leaves have no I/O"}, {"internal/azure/params", "os", "leaves have no I/O"},
	{"internal/azure/cloud", "net/http", "leaves have no I/O"}, {"internal/azure/cloud", "os", "leaves have no I/O"},
	{"internal/azure/policy", "os", "leaves have no I/O"},
	{"internal/secretsync/shape", "net/http", "leaves have no I/O"}, {"internal/secretsync/shape", "os", "leaves have no I/O"},
}

func TestDoors(t *testing.T) {
	t.Parallel()
	for _, i := range imports(t) {
		if problem := judge(i.room, i.target); problem != "" {
			t.Errorf("%s: %s", i.file, problem)
		}
	}
}

// A door that nobody goes through any more is walled up, lest somebody take it for a way.
func TestEveryDoorIsUsed(t *testing.T) {
	t.Parallel()
	all := imports(t)
	for room, allowed := range doors {
		if _, err := os.Stat(filepath.Join("..", "..", room)); err != nil {
			t.Errorf("there is no room %s: take it out of the table", room)
		}
		for _, to := range allowed {
			if !slices.ContainsFunc(all, func(p passage) bool {
				return p.room == room && within(to, strings.TrimPrefix(p.target, module))
			}) {
				t.Errorf("nothing in %s imports %s: take it out of the table", room, to)
			}
		}
	}
}

// passage is one import by one file.
type passage struct{ file, room, target string }

// imports lists what every file of the tree but the tests imports.
func imports(t *testing.T) (all []passage) {
	t.Helper()
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && path != root && (elsewhere(entry.Name()) || isModule(path)):
			return filepath.SkipDir
		case entry.IsDir() || filepath.Ext(path) != ".go" || strings.HasSuffix(path, "_test.go"):
			return nil
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		relative = filepath.ToSlash(relative)
		for _, spec := range file.Imports {
			target, _ := strconv.Unquote(spec.Path.Value)
			all = append(all, passage{file: relative, room: filepath.ToSlash(filepath.Dir(relative)), target: target})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// isModule is true for a directory with a go.mod of its own: what it imports is not the product's.
func isModule(path string) bool {
	_, err := os.Stat(filepath.Join(path, "go.mod"))
	return err == nil
}

// elsewhere is true for directories that hold no rooms.
func elsewhere(name string) bool {
	return strings.HasPrefix(name, ".") || name == "testdata" || name == "node_modules"
}

// A rule that nothing can break proves nothing: these must be caught.
func TestDoorsCatchBreakIns(t *testing.T) {
	t.Parallel()
	for _, bad := range []struct{ room, target string }{
		{"internal/azure/token", module + "internal/emulator/entra"},
		{"internal/emulator/entra", module + "internal/azure/token"},
		{"internal/csi", module + "internal/azure/params"},
		{"internal/publish", module + "internal/provider/azure"},
		{"internal/provider/azure", module + "internal/emulator"},
		{"internal/secret", "net/http"},
		{"internal/volume", "k8s.io/client-go/rest"},
		{"internal/cli", "k8s.io/api/core/v1"},
		{"internal/material", "os"},
		{"internal/share", module + "internal/azure/token"},
		{"internal/newroom", module + "internal/publish"},
	} {
		if judge(bad.room, bad.target) == "" {
			t.Errorf("%s may import %s", bad.room, bad.target)
		}
	}
	for _, good := range []struct{ room, target string }{
		{"internal/cli", module + "internal/emulator"},
		{"internal/publish", module + "internal/secret"},
		{"internal/azure/token", "net/http"},
		{"internal/kube", "k8s.io/client-go/rest"},
	} {
		if problem := judge(good.room, good.target); problem != "" {
			t.Errorf("%s may not import %s: %s", good.room, good.target, problem)
		}
	}
}

// judge is empty when the room may import the target, else the reason why not.
func judge(room, target string) string {
	local := strings.TrimPrefix(target, module)
	for _, door := range shut {
		if within(door.from, room) && within(door.to, local) {
			return fmt.Sprintf("%s must not import %s: %s", room, target, door.why)
		}
	}
	if within("k8s.io/...", target) && !within("internal/kube/...", room) {
		return fmt.Sprintf("%s must not import %s: only the kube room speaks to a cluster", room, target)
	}
	if local == target || slices.Contains(leaves, local) {
		return ""
	}
	if slices.ContainsFunc(doors[room], func(to string) bool { return within(to, local) }) {
		return ""
	}
	return fmt.Sprintf("%s must not import %s: the table of doors in internal/house does not list it", room, target)
}

// within matches a room against a pattern: exact, or "x/..." for x and below.
func within(pattern, room string) bool {
	if base, deep := strings.CutSuffix(pattern, "/..."); deep {
		return room == base || strings.HasPrefix(room, base+"/")
	}
	return pattern == room
}
