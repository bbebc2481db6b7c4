package volume_test

import (
	"path/filepath"
	"testing"

	"strongroom/internal/volume"
)

// A directory whose name sorts before "." is made like any other.
func TestWriteDirectoriesOfAnyName(t *testing.T) {
	t.Parallel()
	m := volume.New(volume.Config{Mount: volume.Plain})
	target := filepath.Join(t.TempDir(), "mount")
	if _, err := m.Ensure(target); err != nil {
		t.Fatal(err)
	}
	want := content{"-tls/a": "1", "+x/y/b": "2", " /c": "3", "d": "4"}
	write(t, m, target, want.files())
	same(t, "visible", want, visible(t, target))
}
