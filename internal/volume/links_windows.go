package volume

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/windows"
)

// linksHaveKinds says that a link is made for a file or for a directory, and leads nowhere when the other stands there.
// Which of them it is made for is what stands at its end at that moment, so a link to a directory waits for its end.
const linksHaveKinds = true

// straight says whether the link of that name is of the kind of what ..data has there; a link to nothing is.
func (d *dir) straight(name string) bool {
	end, err := d.root.Stat(linkTo(name))
	if err != nil {
		return true
	}
	link, err := d.root.Lstat(name)
	return err == nil && forDirectory(link) == end.IsDir()
}

func forDirectory(link fs.FileInfo) bool {
	about, ok := link.Sys().(*syscall.Win32FileAttributeData)
	return ok && about.FileAttributes&windows.FILE_ATTRIBUTE_DIRECTORY != 0
}

// mend ends a replacement that was cut off between its two steps: nothing stands at ..data, and the link that was to stand
// there leads to a set that is whole.
func (d *dir) mend() error {
	if _, err := d.root.Lstat(dataLink); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	name, err := d.root.Readlink(pending)
	if err != nil || !isStamped(name) {
		return nil // nothing to mend; what stands there is cleaned
	}
	if info, err := d.root.Lstat(name); err != nil || !info.IsDir() {
		return nil
	}
	return d.root.Rename(pending, dataLink)
}

// refusesToReplace says whether a rename was refused because something stands at its end: not every Windows and file system
// lets a link to a directory be replaced.
func refusesToReplace(err error) bool {
	return errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_ALREADY_EXISTS) ||
		errors.Is(err, windows.ERROR_FILE_EXISTS) || errors.Is(err, os.ErrExist)
}

// inUse says whether something cannot be removed because somebody reads it: it goes at the next write.
func inUse(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_LOCK_VIOLATION) ||
		errors.Is(err, windows.ERROR_USER_MAPPED_FILE) || errors.Is(err, windows.ERROR_DELETE_PENDING) ||
		errors.Is(err, windows.ERROR_ACCESS_DENIED) || errors.Is(err, windows.ERROR_DIR_NOT_EMPTY)
}

// isNoLink says whether what was read as a link is none.
func isNoLink(err error) bool { return errors.Is(err, windows.ERROR_NOT_A_REPARSE_POINT) }
