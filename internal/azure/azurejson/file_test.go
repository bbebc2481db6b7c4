package azurejson_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"strongroom/internal/azure/azurejson"
	"strongroom/internal/clock"
	"strongroom/internal/fault"
)

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// tenantOf reads the file and gives its tenant, or the error.
func tenantOf(f *azurejson.File) string {
	c, err := f.Read()
	if err != nil {
		return fault.KindOf(err).String()
	}
	return c.Tenant
}

func with(tenant string) string {
	return strings.Replace(application, "contoso.example", tenant, 1)
}

func TestAFileIsReadAnewHoweverItChanges(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path := filepath.Join(dir, "azure.json")
	f := azurejson.NewFile(path, "", nil)
	expect := func(when, want string) {
		t.Helper()
		for range 2 {
			if got := tenantOf(f); got != want {
				t.Errorf("%s: %s, want %s", when, got, want)
			}
		}
	}
	expect("nothing there", "not-found")
	put(t, path, with("one"))
	expect("written", "one")
	put(t, path, with("two"))
	expect("written over, as long as before and at the same moment perhaps", "two")
	put(t, path, "cloud: [")
	expect("spoilt", "invalid")
	put(t, filepath.Join(dir, "next"), with("three"))
	if err := os.Rename(filepath.Join(dir, "next"), path); err != nil {
		t.Fatal(err)
	}
	expect("renamed over", "three")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	expect("taken away", "not-found")
}

// A mounted Secret is a link to a link, and the one in the middle is swapped.
func TestASwappedLinkIsFollowed(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old := time.Now().Add(-time.Hour)
	for _, name := range []string{"one", "two"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(dir, name, "azure.json"), with(name))
		if err := os.Chtimes(filepath.Join(dir, name, "azure.json"), old, old); err != nil { // the same size, the same time
			t.Fatal(err)
		}
	}
	link := func(to, at string) {
		t.Helper()
		if err := os.Symlink(to, filepath.Join(dir, at)); err != nil {
			t.Fatal(err)
		}
	}
	link("one", "..data")
	link("..data/azure.json", "azure.json")
	f := azurejson.NewFile(filepath.Join(dir, "azure.json"), "", nil)
	if got := tenantOf(f); got != "one" {
		t.Error(got)
	}
	link("two", "..next")
	if err := os.Rename(filepath.Join(dir, "..next"), filepath.Join(dir, "..data")); err != nil {
		t.Fatal(err)
	}
	if got := tenantOf(f); got != "two" {
		t.Error(got)
	}
}

// The cheap look is what keeps a call for each token from being a read: a file that only seems unchanged shows it.
func TestAnUnchangedFileIsNotReadAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "azure.json")
	fake := clock.NewFake() // long after anything written now
	f := azurejson.NewFile(path, "", fake)
	at := time.Now().Add(-time.Hour)
	for i, want := range []string{"one", "one"} {
		put(t, path, with([]string{"one", "two"}[i]))
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
		if got := tenantOf(f); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

func TestACustomCloudsFileIsReadAnewToo(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	path, custom := filepath.Join(dir, "azure.json"), filepath.Join(dir, "cloud.json")
	put(t, path, `{"cloud":"AzureStackCloud","useManagedIdentityExtension":true}`)
	f := azurejson.NewFile(path, custom, nil)
	if got := tenantOf(f); got != "invalid" {
		t.Error(got)
	}
	put(t, custom, stack)
	if c, err := f.Read(); err != nil || c.Cloud.Name != "Contoso" {
		t.Errorf("%+v, %v", c, err)
	}
	put(t, custom, strings.Replace(stack, "Contoso", "Fabrikam", 1))
	if c, err := f.Read(); err != nil || c.Cloud.Name != "Fabrikam" {
		t.Errorf("%+v, %v", c, err)
	}
}
