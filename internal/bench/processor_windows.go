package main

import (
	"syscall"
	"time"
)

// processor is how much of a processor this process has taken.
func processor() time.Duration {
	self, err := syscall.GetCurrentProcess()
	if err != nil {
		return 0
	}
	var began, ended, kernel, user syscall.Filetime
	if syscall.GetProcessTimes(self, &began, &ended, &kernel, &user) != nil {
		return 0
	}
	return spent(kernel) + spent(user)
}

// spent reads a duration in units of 100 ns.
func spent(t syscall.Filetime) time.Duration {
	return time.Duration(int64(t.HighDateTime)<<32|int64(t.LowDateTime)) * 100
}
