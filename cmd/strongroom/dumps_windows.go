package main

import "golang.org/x/sys/windows"

// keepHeapOut has Windows Error Reporting write dumps without the heap, where the secrets are.
const keepHeapOut = 1

// keepOutOfDumps sees to it that a crash ends the process without a dialog and without a report, and that a dump which the
// node's administrator has ordered nevertheless is one without the heap. A system that refuses is no reason not to serve.
func keepOutOfDumps() {
	windows.SetErrorMode(windows.SEM_FAILCRITICALERRORS | windows.SEM_NOGPFAULTERRORBOX | windows.SEM_NOOPENFILEERRORBOX)
	if set := windows.NewLazySystemDLL("kernel32.dll").NewProc("WerSetFlags"); set.Find() == nil {
		_, _, _ = set.Call(keepHeapOut)
	}
}
