package main

import (
	"os"
	"strings"
	"unsafe"
)

// takeArguments copies the arguments and wipes those that may hold a Secret's values: a kubelet hands a FlexVolume driver
// the credentials of a service principal as an argument, and every user of the node may read a process's arguments. Go's
// own strings of them lie where the kernel looks.
func takeArguments() []string {
	args := make([]string, 0, len(os.Args))
	for _, arg := range os.Args[1:] {
		args = append(args, strings.Clone(arg))
		if strings.Contains(arg, "kubernetes.io/secret/") {
			wipe(arg)
		}
	}
	return args
}

// wipe overwrites the very memory of an argument. It is only for those of os.Args, which the kernel put into memory that
// can be written.
//
// On Windows they are copies, which is no harm.
func wipe(arg string) {
	bytes := unsafe.Slice(unsafe.StringData(arg), len(arg))
	for i := range bytes {
		bytes[i] = ' '
	}
}
