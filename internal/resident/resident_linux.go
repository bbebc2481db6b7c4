package resident

import (
	"bufio"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"

	"strongroom/internal/fault"
)

// mapping is a stretch of this process's addresses as the kernel describes it.
type mapping struct {
	start, end uintptr
	file       bool // a file stands behind it
	readOnly   bool // and private: nothing here can be written to that file
	own        int  // KiB of it that are this process's own copies
}

// disposable is true where every page can be had again from the file.
func (m mapping) disposable() bool { return m.file && m.readOnly && m.own == 0 }

// dropFilePages takes the pages of files that are mapped for reading, the binary's own above all, out of this process.
// They stay in the kernel's cache, and the next touch of one brings it back without a disk.
func dropFilePages() error {
	maps, err := mappings()
	if err != nil {
		return err
	}
	for _, m := range maps {
		if !m.disposable() {
			continue
		}
		if _, _, errno := syscall.Syscall(syscall.SYS_MADVISE, m.start, m.end-m.start, syscall.MADV_DONTNEED); errno != 0 {
			return fault.Wrap(errno, fault.Internal, "madvise", "cannot give back pages of the binary")
		}
	}
	return nil
}

// mappings reads the kernel's account of this process.
func mappings() (list []mapping, err error) {
	file, err := os.Open("/proc/self/smaps")
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "/proc/self/smaps", "cannot be read")
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		list = take(list, strings.Fields(lines.Text()))
	}
	return list, nil
}

// take adds what a line says to the list: "START-END PERMISSIONS OFFSET DEVICE INODE PATH" begins a mapping, and
// "Anonymous: N kB" is one of the lines about it.
func take(list []mapping, fields []string) []mapping {
	if len(fields) == 3 && fields[0] == "Anonymous:" && len(list) > 0 {
		kib, err := strconv.Atoi(fields[1])
		if err != nil {
			kib = 1 // not known to be nothing
		}
		list[len(list)-1].own = kib
		return list
	}
	if len(fields) < 5 || len(fields[1]) != 4 {
		return list
	}
	from, to, found := strings.Cut(fields[0], "-")
	start, err := strconv.ParseUint(from, 16, 64)
	end, errEnd := strconv.ParseUint(to, 16, 64)
	if !found || err != nil || errEnd != nil {
		return list
	}
	return append(list, mapping{
		start: uintptr(start), end: uintptr(end),
		file:     len(fields) > 5 && strings.HasPrefix(fields[5], "/") && fields[4] != "0",
		readOnly: fields[1] == "r--p" || fields[1] == "r-xp",
		own:      1, // until a line says otherwise
	})
}
