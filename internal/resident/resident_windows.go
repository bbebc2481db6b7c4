package resident

import (
	"golang.org/x/sys/windows"

	"strongroom/internal/fault"
)

// dropFilePages empties the working set. Pages of the binary are had again from the system's cache at the next touch, and
// so are the others.
func dropFilePages() error {
	if err := windows.SetProcessWorkingSetSizeEx(windows.CurrentProcess(), ^uintptr(0), ^uintptr(0), 0); err != nil {
		return fault.Wrap(err, fault.Internal, "SetProcessWorkingSetSizeEx", "cannot empty the working set")
	}
	return nil
}
