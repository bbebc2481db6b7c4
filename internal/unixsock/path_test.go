package unixsock_test

import (
	"testing"

	"strongroom/internal/unixsock"
)

func TestPathsOfWindowsHaveOneMeaning(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		`C:\csi\csi.sock`:           `C:\csi\csi.sock`,
		`C:\\csi\\csi.sock`:         `C:\csi\csi.sock`,
		`C:/csi/csi.sock`:           `C:\csi\csi.sock`,
		`/C:/csi/csi.sock`:          `C:\csi\csi.sock`,
		`c:\k\providers/azure.sock`: `c:\k\providers\azure.sock`,
		`/provider/azure.sock`:      `\provider\azure.sock`,
		`csi/csi.sock`:              `\csi\csi.sock`,
	} {
		if got := unixsock.WindowsPath(address); got != want {
			t.Errorf("%q: %q, want %q", address, got, want)
		}
	}
}

func TestNamedPipesAreKnown(t *testing.T) {
	t.Parallel()
	for endpoint, want := range map[string]bool{
		`npipe:////./pipe/csi`: true, `NPIPE://csi`: true, `\\.\pipe\csi`: true, `//./pipe/csi`: true,
		`unix://C:\csi\csi.sock`: false, `unix:///csi/npipe`: false, ``: false,
	} {
		if unixsock.IsPipe(endpoint) != want {
			t.Errorf("%q: not %v", endpoint, want)
		}
	}
}
